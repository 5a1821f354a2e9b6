package zixflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zixflow.example/go/zixflow"
)

func TestSend(t *testing.T) {
	receipt, err := newClient(t, sandbox(t)).Send(context.Background(), message())
	if err != nil {
		t.Fatal(err)
	}
	if receipt.RequestID == "" || receipt.Message == "" || receipt.HTTPStatus != 202 || receipt.Attempts != 1 {
		t.Errorf("got %+v", receipt)
	}
}

func TestSendJSONGoesOutByteForByte(t *testing.T) {
	bodies := make(chan []byte, 1)
	client := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- body
		accept(w, r)
	}))
	want := []byte(` {"recipient":"91", "phone_id":"1","new":{},
		"interactive":{"type":"button","body":{"text":"\u00e9"},"action":{"buttons":[{"type":"reply","reply":{"id":"a","title":"A"}}]}}}`)
	if _, err := client.SendJSON(context.Background(), want); err != nil {
		t.Fatal(err)
	}
	if got := <-bodies; string(got) != string(want) {
		t.Errorf("sent   %s\narrived %s", want, got)
	}
}

func TestErrorTellsAll(t *testing.T) {
	client := newClient(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		http.Error(w, "slow down", http.StatusTooManyRequests)
	}))
	err := send(client)
	got := failure(t, err, zixflow.StatusBusy)
	if !got.Retryable || got.RetryAfter != time.Hour || got.HTTPStatus != 429 || got.Attempts != 1 {
		t.Errorf("got %+v", got)
	}
	if got.Response != "slow down\n" || errors.Unwrap(err) != nil {
		t.Errorf("got %+v", got)
	}
	if want := "zixflow: busy: " + got.Message; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestLongestRetryAfter(t *testing.T) {
	client := newClient(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "99999999999999999999999")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	const century = 100 * 365 * 24 * time.Hour
	if got := failure(t, send(client), zixflow.StatusBusy); got.RetryAfter < century {
		t.Errorf("got %v", got.RetryAfter)
	}
}

func TestProblemsComeAllAtOnce(t *testing.T) {
	broken := message()
	broken.Recipient = "+91"
	broken.Buttons[0].Title = strings.Repeat("x", 21)
	_, err := newClient(t, serve(t, accept)).Send(context.Background(), broken)
	problems := failure(t, err, zixflow.StatusInvalidMessage).Problems
	var paths []string
	for _, problem := range problems {
		paths = append(paths, problem.Path)
		if problem.Message == "" {
			t.Errorf("%s has no message", problem.Path)
		}
	}
	slices.Sort(paths)
	if want := []string{"/interactive/action/buttons/0/reply/title", "/recipient"}; !slices.Equal(paths, want) {
		t.Errorf("got %q, want %q", paths, want)
	}
}

func TestCheck(t *testing.T) {
	if err := zixflow.Check(compose(t, message())); err != nil {
		t.Error(err)
	}
	failure(t, zixflow.Check([]byte("{}")), zixflow.StatusInvalidMessage)
}

// Each case puts text that C cannot take into one field.
func TestStringsThatCannotBePassed(t *testing.T) {
	client := newClient(t, serve(t, accept))
	compose := func(change func(*zixflow.ReplyButtons, string)) func(string) error {
		return func(text string) error {
			changed := message()
			changed.Header = &zixflow.Header{Type: zixflow.HeaderText, Content: "x"}
			change(&changed, text)
			_, err := zixflow.Compose(changed)
			return err
		}
	}
	fields := map[string]func(text string) error{
		"recipient":      compose(func(m *zixflow.ReplyButtons, text string) { m.Recipient = text }),
		"phone id":       compose(func(m *zixflow.ReplyButtons, text string) { m.PhoneID = text }),
		"header type":    compose(func(m *zixflow.ReplyButtons, text string) { m.Header.Type = zixflow.HeaderType(text) }),
		"header":         compose(func(m *zixflow.ReplyButtons, text string) { m.Header.Content = text }),
		"body":           compose(func(m *zixflow.ReplyButtons, text string) { m.Body = text }),
		"footer":         compose(func(m *zixflow.ReplyButtons, text string) { m.Footer = text }),
		"button id":      compose(func(m *zixflow.ReplyButtons, text string) { m.Buttons[0].ID = text }),
		"button title":   compose(func(m *zixflow.ReplyButtons, text string) { m.Buttons[0].Title = text }),
		"post-back URL":  compose(func(m *zixflow.ReplyButtons, text string) { m.PostBackURL = text }),
		"post-back data": compose(func(m *zixflow.ReplyButtons, text string) { m.PostBackData = text }),
		"message":        func(text string) error { return zixflow.Check([]byte(text)) },
		"sent message": func(text string) error {
			_, err := client.SendJSON(context.Background(), []byte(text))
			return err
		},
		"API key": func(text string) error {
			_, err := zixflow.New(text, "workspace")
			return err
		},
		"workspace ID": func(text string) error {
			_, err := zixflow.New("key", text)
			return err
		},
		"option": func(text string) error {
			_, err := zixflow.New("key", "workspace", zixflow.WithProxy("http://user:"+text+"@localhost"))
			return err
		},
	}
	for field, set := range fields {
		for kind, text := range map[string]string{"NUL": "a\x00b", "not UTF-8": "a\xffb"} {
			t.Run(field+" "+kind, func(t *testing.T) {
				failure(t, set(text), zixflow.StatusInvalidArgument)
			})
		}
	}
}

// Each option reaches the library, which names the one that it refuses.
func TestOptionsReachTheLibrary(t *testing.T) {
	for key, option := range map[string]zixflow.Option{
		"base_url":             zixflow.WithBaseURL("ftp://localhost"),
		"max_idle_connections": zixflow.WithMaxIdleConnections(-1),
		"idle_timeout_ms":      zixflow.WithIdleTimeout(-time.Second),
		"proxy":                zixflow.WithProxy("gopher://localhost"),
		"ca_file":              zixflow.WithCAFile("/no/such/file"),
		"user_agent":           zixflow.WithUserAgent("a\nb"),
		"timeout_ms":           zixflow.WithTimeout(-time.Second),
		"connect_timeout_ms":   zixflow.WithConnectTimeout(-time.Second),
		"max_retries":          zixflow.WithMaxRetries(-1),
	} {
		t.Run(key, func(t *testing.T) {
			_, err := zixflow.New("key", "workspace", option)
			if got := failure(t, err, zixflow.StatusInvalidArgument); !strings.Contains(got.Message, key) {
				t.Errorf("%q does not name %s", got.Message, key)
			}
		})
	}
}

func TestOptionsWithOneValue(t *testing.T) {
	newClient(t, "https://127.0.0.1:1", zixflow.WithSystemRoots())
	newClient(t, "http://192.0.2.1", zixflow.WithPlainHTTP())

	unchecked := []byte(strings.ReplaceAll(string(compose(t, message())), "Is 6 pm fine?", strings.Repeat("x", 1025)))
	client := newClient(t, serve(t, accept), zixflow.WithBasicValidation())
	if _, err := client.SendJSON(context.Background(), unchecked); err != nil {
		t.Error(err)
	}
}

func TestCallOptionsOverrideTheClients(t *testing.T) {
	client := newClient(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTooManyRequests)
	}), zixflow.WithMaxRetries(0))
	_, err := client.Send(context.Background(), message(), zixflow.WithMaxRetries(1))
	if got := failure(t, err, zixflow.StatusBusy); got.Attempts != 2 {
		t.Errorf("%d attempts, want 2", got.Attempts)
	}
}

func TestStatusNames(t *testing.T) {
	for status, name := range map[zixflow.Status]string{
		zixflow.StatusOK:              "ok",
		zixflow.StatusInvalidArgument: "invalid_argument",
		zixflow.StatusInvalidMessage:  "invalid_message",
		zixflow.StatusUnauthorized:    "unauthorized",
		zixflow.StatusRejected:        "rejected",
		zixflow.StatusBusy:            "busy",
		zixflow.StatusNotSent:         "not_sent",
		zixflow.StatusOutcomeUnknown:  "outcome_unknown",
		zixflow.StatusInternal:        "internal",
	} {
		if got := fmt.Sprint(status); got != name {
			t.Errorf("got %s, want %s", got, name)
		}
		var read zixflow.Status
		if err := read.UnmarshalText([]byte(name)); err != nil || read != status {
			t.Errorf("%s was read as %v, %v", name, read, err)
		}
	}
	var read zixflow.Status
	if err := read.UnmarshalText([]byte("ZX_OK")); err == nil {
		t.Error("an unknown name was read as", read)
	}
}

func TestCloseEndsCallsUnderWay(t *testing.T) {
	entered := make(chan struct{}, 1)
	client := newClient(t, serve(t, silence(entered)))
	ended := make(chan error)
	go func() { ended <- send(client) }()
	<-entered
	closed := time.Now()
	client.Close()
	err := <-ended
	promptly(t, closed)
	failure(t, err, zixflow.StatusOutcomeUnknown)
	if !errors.Is(err, zixflow.ErrClosed) {
		t.Errorf("%v does not wrap ErrClosed", err)
	}
}

func TestClosedClientSendsNothing(t *testing.T) {
	client := newClient(t, serve(t, accept))
	client.Close()
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	err := send(client)
	failure(t, err, zixflow.StatusNotSent)
	if !errors.Is(err, zixflow.ErrClosed) {
		t.Errorf("%v does not wrap ErrClosed", err)
	}
}

func TestCloseAmidSends(t *testing.T) {
	url := serve(t, accept)
	for range 50 {
		client := newClient(t, url)
		var senders sync.WaitGroup
		for range 8 {
			senders.Go(func() {
				for {
					if err := send(client); err != nil {
						if !errors.Is(err, zixflow.ErrClosed) {
							t.Errorf("%v does not wrap ErrClosed", err)
						}
						return
					}
				}
			})
		}
		for range 2 {
			senders.Go(func() { client.Close() })
		}
		senders.Wait()
	}
}

// A client that was forgotten gives up its kept connection, which the server sees.
func TestForgottenClientIsReleased(t *testing.T) {
	gone := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(accept))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			close(gone)
		}
	}
	server.Start()
	defer server.Close()

	func() {
		client, err := zixflow.New("key", "workspace", zixflow.WithBaseURL(server.URL), zixflow.WithIdleTimeout(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if err := send(client); err != nil {
			t.Fatal(err)
		}
	}()
	for start := time.Now(); time.Since(start) < 10*time.Second; {
		runtime.GC()
		select {
		case <-gone:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Error("the connection is still open")
}

func TestSchemaAndVersion(t *testing.T) {
	if schema := zixflow.Schema(); !json.Valid([]byte(schema)) || !strings.Contains(schema, "recipient") {
		t.Errorf("got %s", schema)
	}
	if version := zixflow.Version(); !strings.HasPrefix(version, "0.2.") {
		t.Errorf("got %s", version)
	}
}
