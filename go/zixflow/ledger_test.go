package zixflow_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zixflow.example/go/zixflow"
)

const ledgerToken = "a token that nobody guesses"

// ledger returns a client with a ledger, and the number of requests that came. An
// "unknown" message gets no response.
func ledger(t *testing.T) (*zixflow.Client, *atomic.Int64) {
	t.Helper()
	var requests atomic.Int64
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests.Add(1)
		if bytes.Contains(body, []byte("unknown")) {
			panic(http.ErrAbortHandler)
		}
		accept(w, r)
	})
	file := filepath.Join(t.TempDir(), "ledger")
	return newClient(t, url, zixflow.WithLedger(file), zixflow.WithLedgerDays(7), zixflow.WithMaxRetries(0)), &requests
}

func sendOnce(client *zixflow.Client, key, data string) (zixflow.Receipt, error) {
	message := message()
	message.PostBackData = data
	return client.Send(context.Background(), message, zixflow.IdempotencyKey(key))
}

func ledgerPostBack(requestID, data string) string {
	return fmt.Sprintf(`{"workspace_id":"sandbox-workspace","request_id":%q,"status":"delivered","status_at":%q,"post_back_data":%q}`,
		requestID, time.Now().Add(time.Minute).Format(time.RFC3339Nano), data)
}

func TestAKeyIsSentOnce(t *testing.T) {
	client, requests := ledger(t)
	for repeated := range 3 {
		receipt, err := sendOnce(client, "key", "a")
		if err != nil || receipt.RequestID != "42" || receipt.Repeated != (repeated > 0) {
			t.Errorf("got %+v, %v", receipt, err)
		}
	}
	_, err := sendOnce(client, "key", "another")
	failure(t, err, zixflow.StatusInvalidArgument)
	stats, err := client.Stats()
	if err != nil || stats.CallsRepeated != 2 || requests.Load() != 1 {
		t.Errorf("%+v, %v, %d requests", stats, err, requests.Load())
	}
	if _, err := zixflow.New("key", "workspace", zixflow.IdempotencyKey("key")); err == nil {
		t.Error("a client has a key")
	}
}

func TestUnknownMessagesAreListedSettledAndForgotten(t *testing.T) {
	client, requests := ledger(t)
	for _, key := range []string{"1", "2", "3"} {
		_, err := sendOnce(client, key, "unknown "+key)
		if failure(t, err, zixflow.StatusOutcomeUnknown).Repeated {
			t.Error("it is the first")
		}
	}
	_, err := sendOnce(client, "1", "unknown 1")
	if !failure(t, err, zixflow.StatusOutcomeUnknown).Repeated {
		t.Error("it is not the first")
	}
	if got := unsettled(t, client); got != "1 2 3" {
		t.Errorf("got %q", got)
	}
	ctx := context.Background()
	settled, err := client.Settle(ctx, []byte(ledgerPostBack("r", "unknown 2")))
	if err != nil || !settled.Settled || settled.IdempotencyKey != "2" || settled.RequestID != "r" || settled.Rank != 2 {
		t.Errorf("got %+v, %v", settled, err)
	}
	receipt, err := sendOnce(client, "2", "unknown 2")
	if err != nil || receipt.RequestID != "r" || !receipt.Repeated {
		t.Errorf("got %+v, %v", receipt, err)
	}
	_, err = client.Settle(ctx, []byte("{}"))
	failure(t, err, zixflow.StatusInvalidMessage)
	failure(t, client.Forget(ctx, "2"), zixflow.StatusInvalidArgument)
	if err := client.Forget(ctx, "3"); err != nil {
		t.Error(err)
	}
	if got := unsettled(t, client); got != "1" {
		t.Errorf("got %q", got)
	}
	if receipt, err := sendOnce(client, "3", "again"); err != nil || receipt.Repeated || requests.Load() != 4 {
		t.Errorf("got %+v, %v, %d requests", receipt, err, requests.Load())
	}
}

func unsettled(t *testing.T, client *zixflow.Client) string {
	t.Helper()
	var keys []string
	for message, err := range client.Unsettled(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if time.Since(message.BeganAt) > time.Hour {
			t.Errorf("%s began at %v", message.IdempotencyKey, message.BeganAt)
		}
		keys = append(keys, message.IdempotencyKey)
	}
	return strings.Join(keys, " ")
}

func TestTheLedgerIsAskedForAsLongAsThereIsAReason(t *testing.T) {
	client, _ := ledger(t)
	done, cancel := context.WithCancel(context.Background())
	cancel()
	if err := client.Forget(done, "key"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := client.Forget(context.Background(), "a\x00b"); err == nil {
		t.Error("a key with a NUL is taken")
	}
	client.Close()
	if err := client.Forget(context.Background(), "key"); !errors.Is(err, zixflow.ErrClosed) {
		t.Errorf("got %v", err)
	}
	for _, err := range newClient(t, "http://127.0.0.1:9").Unsettled(context.Background()) {
		failure(t, err, zixflow.StatusInvalidArgument)
	}
}

func TestPostBackHandlerSettles(t *testing.T) {
	client, _ := ledger(t)
	sendOnce(client, "key", "unknown")
	var taken []zixflow.PostBack
	handler, err := zixflow.PostBackHandler(ledgerToken, func(_ context.Context, postBack zixflow.PostBack) error {
		taken = append(taken, postBack)
		return nil
	}, zixflow.Settling(client))
	if err != nil {
		t.Fatal(err)
	}
	post := func(body string) int {
		request := httptest.NewRequest(http.MethodPost, "/"+strings.ReplaceAll(ledgerToken, " ", "%20"), strings.NewReader(body))
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		return recorder.Code
	}
	if code := post(ledgerPostBack("r", "unknown")); code != http.StatusNoContent {
		t.Errorf("got %d", code)
	}
	if len(taken) != 1 || !taken[0].Settled || taken[0].IdempotencyKey != "key" || unsettled(t, client) != "" {
		t.Errorf("got %+v", taken)
	}
	client.Close()
	if code := post(ledgerPostBack("r", "another")); code != http.StatusInternalServerError || len(taken) != 1 {
		t.Errorf("got %d", code)
	}
}
