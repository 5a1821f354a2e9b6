package zixflow_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"zixflow.example/go/zixflow"
)

// sandbox returns the base URL of a running sandbox (cargo run -p zixflow-sandbox),
// as `cargo test --test languages go` sets it.
func sandbox(t testing.TB) string {
	url, ok := os.LookupEnv("ZIXFLOW_SANDBOX_URL")
	if !ok {
		t.Skip("ZIXFLOW_SANDBOX_URL does not name a running sandbox")
	}
	return url
}

func newClient(t testing.TB, url string, options ...zixflow.Option) *zixflow.Client {
	t.Helper()
	client, err := zixflow.New("sandbox-key", "sandbox-workspace", append(options, zixflow.WithBaseURL(url))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// serve runs an endpoint of the test's own.
func serve(t testing.TB, handler http.HandlerFunc) string {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func accept(w http.ResponseWriter, _ *http.Request) {
	io.WriteString(w, `{"success":true,"message":"Queued.","request_id":"42"}`)
}

// silence responds with nothing for as long as the client waits. It tells entered of
// the first request.
func silence(entered chan<- struct{}) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // the server notices that the client went only after it has read all
		select {
		case entered <- struct{}{}:
		default:
		}
		<-r.Context().Done()
	}
}

func message() zixflow.ReplyButtons {
	return zixflow.ReplyButtons{
		Recipient: "919876543210",
		PhoneID:   "1234567890",
		Body:      "Is 6 pm fine?",
		Buttons:   []zixflow.Button{{ID: "yes", Title: "Yes"}},
	}
}

// failure returns the error's details, and fails the test where it has another status.
func failure(t testing.TB, err error, want zixflow.Status) *zixflow.Error {
	t.Helper()
	var failure *zixflow.Error
	if !errors.As(err, &failure) {
		t.Fatalf("got %v, want a *zixflow.Error", err)
	}
	if failure.Status != want {
		t.Fatalf("got %v, want status %v", err, want)
	}
	return failure
}

// promptly fails the test where it is so long past when that the call ended for another reason. (How late
// calls end, the benchmarks tell: here the machine may be busy.)
func promptly(t testing.TB, when time.Time) {
	t.Helper()
	if late := time.Since(when); late > 20*time.Second {
		t.Errorf("returned %v late", late)
	}
}

func send(client *zixflow.Client) error {
	_, err := client.Send(context.Background(), message())
	return err
}

func compose(t testing.TB, message zixflow.ReplyButtons) []byte {
	t.Helper()
	text, err := zixflow.Compose(message)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
