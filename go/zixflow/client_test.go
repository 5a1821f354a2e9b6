package zixflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
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
	want := []byte(` {"recipient":"919876543210", "phone_id":"1","new":{},
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
	if warnings, err := zixflow.Check(compose(t, message())); err != nil || warnings != nil {
		t.Error(warnings, err)
	}
	_, err := zixflow.Check([]byte("{}"))
	failure(t, err, zixflow.StatusInvalidMessage)

	misspelt := []byte(strings.Replace(string(compose(t, message())), "{", `{"post_back_uri":"x",`, 1))
	warnings, err := zixflow.Check(misspelt)
	if err != nil || len(warnings) != 1 || warnings[0].Path != "/post_back_uri" || !strings.Contains(warnings[0].Message, "post_back_url") {
		t.Error(warnings, err)
	}
	warnings, err = zixflow.Check([]byte(strings.Replace(string(misspelt), "919876543210", "+91", 1)))
	if failure(t, err, zixflow.StatusInvalidMessage); len(warnings) != 1 {
		t.Error(warnings, err)
	}
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
		"file name":      compose(func(m *zixflow.ReplyButtons, text string) { m.Header.Filename = text }),
		"body":           compose(func(m *zixflow.ReplyButtons, text string) { m.Body = text }),
		"footer":         compose(func(m *zixflow.ReplyButtons, text string) { m.Footer = text }),
		"button id":      compose(func(m *zixflow.ReplyButtons, text string) { m.Buttons[0].ID = text }),
		"button title":   compose(func(m *zixflow.ReplyButtons, text string) { m.Buttons[0].Title = text }),
		"post-back URL":  compose(func(m *zixflow.ReplyButtons, text string) { m.PostBackURL = text }),
		"post-back data": compose(func(m *zixflow.ReplyButtons, text string) { m.PostBackData = text }),
		"message":        func(text string) error { _, err := zixflow.Check([]byte(text)); return err },
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

func TestDocumentHasItsFileName(t *testing.T) {
	invoice := message()
	invoice.Header = &zixflow.Header{Type: zixflow.HeaderDocument, Content: "https://example.com/1.pdf", Filename: "Rechnung \"März\".pdf"}
	var composed struct {
		Interactive struct {
			Header struct {
				Document struct{ Link, Filename string }
			}
		}
	}
	if err := json.Unmarshal(compose(t, invoice), &composed); err != nil {
		t.Fatal(err)
	}
	if got := composed.Interactive.Header.Document; got.Filename != invoice.Header.Filename || got.Link != invoice.Header.Content {
		t.Errorf("got %+v", got)
	}

	invoice.Header.Type = zixflow.HeaderImage
	_, err := zixflow.Compose(invoice)
	failure(t, err, zixflow.StatusInvalidMessage)
}

// This package has the library's options, for a call those that a call can have,
// and the library's default where it needs to know it.
func TestOptionsAreTheLibrarys(t *testing.T) {
	var schema struct {
		Properties map[string]struct {
			PerCall bool `json:"x-per-call"`
			Default any
		}
	}
	if err := json.Unmarshal([]byte(zixflow.OptionsSchema()), &schema); err != nil {
		t.Fatal(err)
	}
	type place struct{ perCall bool }
	got := map[string]place{}
	for _, option := range []zixflow.Option{
		zixflow.WithBaseURL(""),
		zixflow.WithPlainHTTP(),
		zixflow.WithTimeout(0),
		zixflow.WithConnectTimeout(0),
		zixflow.WithMaxRetries(0),
		zixflow.WithBasicValidation(),
		zixflow.WithMaxIdleConnections(0),
		zixflow.WithIdleTimeout(0),
		zixflow.WithProxy(""),
		zixflow.WithSystemRoots(),
		zixflow.WithCAFile(""),
		zixflow.WithLedger(""),
		zixflow.WithLedgerDays(0),
		zixflow.IdempotencyKey(""),
		zixflow.WithUserAgent(""),
		zixflow.WithTries(),
		zixflow.WithMessagesPerSecond(1),
	} {
		_, perCall := option.(zixflow.CallOption)
		for _, key := range zixflow.Keys(option) {
			got[key] = place{perCall}
		}
	}
	want := map[string]place{}
	for key, property := range schema.Properties {
		want[key] = place{property.PerCall}
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := float64(zixflow.DefaultTimeout.Milliseconds()); got != schema.Properties["timeout_ms"].Default {
		t.Errorf("a call takes %v ms, in the library %v", got, schema.Properties["timeout_ms"].Default)
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
		"ledger":               zixflow.WithLedger("/no/such/folder/ledger"),
		"ledger_days":          zixflow.WithLedgerDays(-1),
		"idempotency_key":      zixflow.IdempotencyKey("key"),
		"user_agent":           zixflow.WithUserAgent("a\nb"),
		"timeout_ms":           zixflow.WithTimeout(-time.Second),
		"connect_timeout_ms":   zixflow.WithConnectTimeout(-time.Second),
		"max_retries":          zixflow.WithMaxRetries(-1),
		"messages_per_second":  zixflow.WithMessagesPerSecond(0),
	} {
		t.Run(key, func(t *testing.T) {
			_, err := zixflow.New("key", "workspace", option)
			if got := failure(t, err, zixflow.StatusInvalidArgument); !strings.Contains(got.Message, key) {
				t.Errorf("%q does not name %s", got.Message, key)
			}
		})
	}
}

func TestNumbersThatJSONLacks(t *testing.T) {
	for _, rate := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		_, err := zixflow.New("key", "workspace", zixflow.WithMessagesPerSecond(rate))
		if got := failure(t, err, zixflow.StatusInvalidArgument); !strings.Contains(got.Message, "messages_per_second") {
			t.Errorf("%q does not name the option", got.Message)
		}
	}
}

func TestOptionsWithOneValue(t *testing.T) {
	newClient(t, "https://127.0.0.1:1", zixflow.WithTries(), zixflow.WithMessagesPerSecond(0.5))
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

// The library and this package have the same statuses, of the same value and name.
func TestStatusesAreTheLibrarys(t *testing.T) {
	want := []zixflow.Status{
		zixflow.StatusOK,
		zixflow.StatusInvalidArgument,
		zixflow.StatusInvalidMessage,
		zixflow.StatusUnauthorized,
		zixflow.StatusRejected,
		zixflow.StatusBusy,
		zixflow.StatusNotSent,
		zixflow.StatusOutcomeUnknown,
		zixflow.StatusInternal,
	}
	names := []string{
		"ok", "invalid_argument", "invalid_message", "unauthorized", "rejected", "busy", "not_sent", "outcome_unknown", "internal",
	}
	const none = "(no zx_status)"
	for value := range zixflow.Status(1000) {
		name, err := value.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if int(value) >= len(want) {
			if string(name) != none {
				t.Errorf("the library's %s, %d, has no constant here", name, value)
			}
			continue
		}
		if want[value] != value || names[value] != string(name) {
			t.Errorf("got %d, %s, want %d, %s", value, name, want[value], names[value])
		}
		var read zixflow.Status
		if err := read.UnmarshalText(name); err != nil || read != value {
			t.Errorf("%s was read as %v, %v", name, read, err)
		}
	}
	for _, name := range []string{"ZX_OK", "", none} {
		var read zixflow.Status
		if err := read.UnmarshalText([]byte(name)); err == nil {
			t.Errorf("%q was read as %v", name, read)
		}
	}
}

// Mistakes of the caller that would end in a panic, or in a wait for ever.
func TestMisuseIsRefused(t *testing.T) {
	client := newClient(t, serve(t, accept))
	send := func(client *zixflow.Client, ctx context.Context, options ...zixflow.CallOption) error {
		_, err := client.Send(ctx, message(), options...)
		return err
	}
	for misuse, err := range map[string]error{
		"nil client":      send(nil, context.Background()),
		"zero client":     send(new(zixflow.Client), context.Background()),
		"nil context":     send(client, nil),
		"nil call option": send(client, context.Background(), nil),
		"nil option":      func() error { _, err := zixflow.New("key", "workspace", nil); return err }(),
	} {
		t.Run(misuse, func(t *testing.T) {
			words := strings.Fields(misuse)
			if got := failure(t, err, zixflow.StatusInvalidArgument); !strings.Contains(got.Message, words[len(words)-1]) {
				t.Errorf("got %+v", got)
			}
		})
	}
	for _, client := range []*zixflow.Client{nil, new(zixflow.Client)} {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Each text of an option that the library would read as another text is refused.
func TestOptionsThatCannotBePassed(t *testing.T) {
	for key, option := range map[string]func(string) zixflow.Option{
		"base_url":   func(text string) zixflow.Option { return zixflow.WithBaseURL("http://127.0.0.1/" + text) },
		"proxy":      func(text string) zixflow.Option { return zixflow.WithProxy("http://127.0.0.1/" + text) },
		"ca_file":    func(text string) zixflow.Option { return zixflow.WithCAFile("/dev/null" + text) },
		"user_agent": func(text string) zixflow.Option { return zixflow.WithUserAgent("acme/1" + text) },
	} {
		for _, text := range []string{"\x00", "\x00b", "\xff", "\xed\xa0\x80"} {
			_, err := zixflow.New("key", "workspace", option(text))
			if got := failure(t, err, zixflow.StatusInvalidArgument); !strings.Contains(got.Message, key) {
				t.Errorf("%q does not name %s", got.Message, key)
			}
		}
	}
}

func TestLongTextsAreRefused(t *testing.T) {
	long := strings.Repeat("x", 8<<20)
	body := message()
	body.Body = long
	client := newClient(t, serve(t, accept))
	_, err := client.Send(context.Background(), body)
	if got := failure(t, err, zixflow.StatusInvalidArgument); len(got.Message) > 1000 {
		t.Errorf("the message has %d bytes", len(got.Message))
	}
	_, err = client.SendJSON(context.Background(), []byte(long))
	failure(t, err, zixflow.StatusInvalidMessage)
	for _, option := range []zixflow.Option{zixflow.WithBaseURL(long), zixflow.WithUserAgent(long)} {
		_, err := zixflow.New("key", "workspace", option)
		if got := failure(t, err, zixflow.StatusInvalidArgument); len(got.Message) > 10_000 {
			t.Errorf("the message has %d bytes", len(got.Message))
		}
	}
}

func TestTimesOutOfRange(t *testing.T) {
	client := newClient(t, serve(t, accept))
	for _, timeout := range []time.Duration{math.MinInt64, -1, 0, 24*time.Hour + 1, math.MaxInt64} {
		_, err := zixflow.New("key", "workspace", zixflow.WithTimeout(timeout))
		failure(t, err, zixflow.StatusInvalidArgument)
		_, err = client.Send(context.Background(), message(), zixflow.WithTimeout(timeout))
		failure(t, err, zixflow.StatusInvalidArgument)
	}
	for _, timeout := range []time.Duration{time.Minute, 24 * time.Hour} {
		if _, err := client.Send(context.Background(), message(), zixflow.WithTimeout(timeout)); err != nil {
			t.Error(err)
		}
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
	if version := zixflow.Version(); !strings.HasPrefix(version, "0.3.") {
		t.Errorf("got %s", version)
	}
}
