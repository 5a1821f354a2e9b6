package zixflow_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zixflow.example/go/zixflow"
)

// examplePostBack is that of the API's own page.
const examplePostBack = `{"workspace_id":"69614209f51dfafb2231a6fe","type":"delivery_status",
	"message_id":604132581490819100,"request_id":"65ca1d21-8854-4d39-a0bd-64f1cd7b8db1",
	"channel":"whatsapp","recipient":"919090909090","status":"delivered","remark":"",
	"status_at":"2026-01-28T17:17:59.254174911Z","post_back_data":"somedata"}`

func TestPostBackIsRead(t *testing.T) {
	got, err := zixflow.ReadPostBack([]byte(examplePostBack))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(got.JSON), `"message_id":"604132581490819100"`) {
		t.Errorf("got %s", got.JSON)
	}
	got.JSON = nil
	want := zixflow.PostBack{
		WorkspaceID:  "69614209f51dfafb2231a6fe",
		Type:         "delivery_status",
		MessageID:    "604132581490819100",
		RequestID:    "65ca1d21-8854-4d39-a0bd-64f1cd7b8db1",
		Channel:      "whatsapp",
		Recipient:    "919090909090",
		Status:       "delivered",
		StatusAt:     "2026-01-28T17:17:59.254174911Z",
		Time:         time.Date(2026, 1, 28, 17, 17, 59, 254_000_000, time.UTC),
		PostBackData: "somedata",
		Rank:         2,
		Key:          "65ca1d21-8854-4d39-a0bd-64f1cd7b8db1/delivered/2026-01-28T17:17:59.254174911Z",
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestPostBackOfEachStatus(t *testing.T) {
	for status, rank := range map[string]int{"sent": 1, "delivered": 2, "read": 3, "clicked": 4, "failed": 0, "Read": 0, "gelöscht": 0} {
		got, err := zixflow.ReadPostBack([]byte(strings.Replace(examplePostBack, "delivered", status, 1)))
		if err != nil || got.Status != status || got.Rank != rank || got.IsFailure != (status == "failed") {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

func TestPostBackWithWhatVaries(t *testing.T) {
	least, err := zixflow.ReadPostBack([]byte(`{"status":"read","request_id":"r"}`))
	if err != nil || least.Status != "read" || least.RequestID != "r" || least.Key != "r/read/" || !least.Time.IsZero() {
		t.Errorf("got %+v, %v", least, err)
	}
	for id, want := range map[string]string{
		"9007199254740993":         "9007199254740993",
		`"9007199254740993"`:       "9007199254740993",
		"123456789012345678901234": "123456789012345678901234",
		`"wamid.HBgL="`:            "wamid.HBgL=",
		"null":                     "",
	} {
		got, err := zixflow.ReadPostBack([]byte(strings.Replace(examplePostBack, "604132581490819100", id, 1)))
		if err != nil || got.MessageID != want {
			t.Errorf("%s was read as %q, %v", id, got.MessageID, err)
		}
	}
	text := strings.Replace(examplePostBack, `"somedata"`, `"a\u0000\"\ud83d\ude00\ud83d"`, 1)
	got, err := zixflow.ReadPostBack([]byte(text))
	if err != nil || !strings.HasPrefix(got.PostBackData, "a\x00\"😀\ufffd") {
		t.Errorf("got %q, %v", got.PostBackData, err)
	}
}

// A field is one by exactly its name, and what the library works out is its own.
func TestPostBackFieldsHaveOneSpelling(t *testing.T) {
	const body = `{"request_id":"r","status":"read","STATUS":"failed","Request_ID":"other","rank":9,"key":"k","Rank":7,"Is_Failure":true}`
	for range 20 { // the order of a map is another each time
		got, err := zixflow.ReadPostBack([]byte(body))
		if err != nil || got.Status != "read" || got.RequestID != "r" || got.Rank != 3 || got.Key != "r/read/" || got.IsFailure {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
}

func TestWhatIsNoPostBack(t *testing.T) {
	for body, status := range map[string]zixflow.Status{
		"":                                 zixflow.StatusInvalidMessage,
		"status=read":                      zixflow.StatusInvalidMessage,
		"[]":                               zixflow.StatusInvalidMessage,
		`{"status":"read"}`:                zixflow.StatusInvalidMessage,
		`{"status":1,"request_id":"r"}`:    zixflow.StatusInvalidMessage,
		strings.Repeat("[", 1<<20):         zixflow.StatusInvalidMessage,
		strings.Repeat(" ", 1<<20+1):       zixflow.StatusInvalidMessage,
		"{\"status\":\"\xff\"}":            zixflow.StatusInvalidArgument,
		`{"status":"read"}` + "\x00":       zixflow.StatusInvalidArgument,
		`{"status":"","request_id":"r"}`:   zixflow.StatusInvalidMessage,
		`{"status":"a","status":"b","r":}`: zixflow.StatusInvalidMessage,
	} {
		_, err := zixflow.ReadPostBack([]byte(body))
		got := failure(t, err, status)
		if status == zixflow.StatusInvalidMessage && len(got.Problems) == 0 {
			t.Errorf("no problem in %.40q", body)
		}
	}
}

const token = "s3cr3t/of a desk"

// handler returns a handler, and a function that posts to it and returns the status.
func handler(t *testing.T, accept func(context.Context, zixflow.PostBack) error) (http.Handler, func(body string) int) {
	t.Helper()
	handler, err := zixflow.PostBackHandler(token, accept)
	if err != nil {
		t.Fatal(err)
	}
	return handler, func(body string) int { return request(handler, "POST", "/hook/s3cr3t%2Fof%20a%20desk", body) }
}

func request(handler http.Handler, method, target, body string) int {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(method, target, strings.NewReader(body)))
	return recorder.Code
}

func postBack(id int) string {
	return fmt.Sprintf(`{"request_id":"%d","status":"read"}`, id)
}

func TestHandlerResponds(t *testing.T) {
	var accepted []string
	handler, post := handler(t, func(_ context.Context, postBack zixflow.PostBack) error {
		accepted = append(accepted, postBack.RequestID)
		return nil
	})
	const right = "/s3cr3t%2Fof%20a%20desk"
	for _, c := range []struct {
		method, target, body string
		want                 int
	}{
		{"POST", "/", postBack(1), 404},
		{"POST", "/x", postBack(1), 404},
		{"POST", "/s3cr3t/of%20a%20desk", postBack(1), 404},
		{"POST", right + "/", postBack(1), 404},
		{"POST", right + "x", postBack(1), 404},
		{"POST", "/?" + right, postBack(1), 404},
		{"GET", "/x", "", 404},
		{"GET", right, "", 405},
		{"POST", right, "{}", 400},
		{"POST", right, "\xff", 400},
		{"POST", right, "{\"request_id\":\"r\",\"status\":\"\x00\"}", 400},
		{"POST", right, strings.Repeat(" ", 1<<20+1), 413},
		{"POST", right, postBack(2), 204},
		{"POST", "/a/b" + right + "?c=d", postBack(3), 204},
		{"POST", right, postBack(4) + strings.Repeat(" ", 1<<20-len(postBack(4))), 204},
	} {
		if got := request(handler, c.method, c.target, c.body); got != c.want {
			t.Errorf("%s %s with %.40q was responded to with %d, want %d", c.method, c.target, c.body, got, c.want)
		}
	}
	if got := post(postBack(2)); got != 204 {
		t.Errorf("got %d", got)
	}
	if got := strings.Join(accepted, " "); got != "2 3 4" {
		t.Errorf("accepted %s", got)
	}
}

// What is refused comes again only by mistake, and is refused again.
func TestHandlerRespondsToWhatIsRefused(t *testing.T) {
	calls := 0
	_, post := handler(t, func(context.Context, zixflow.PostBack) error {
		calls++
		return fmt.Errorf("of another system: %w", zixflow.ErrPostBackRefused)
	})
	for range 2 {
		if got := post(postBack(1)); got != 422 {
			t.Errorf("got %d", got)
		}
	}
	if calls != 2 {
		t.Errorf("handed on %d times", calls)
	}
}

func TestHandlerTakesAgainWhatWasNotAccepted(t *testing.T) {
	calls := 0
	_, post := handler(t, func(context.Context, zixflow.PostBack) error {
		calls++
		if calls == 1 {
			return errors.New("the database is away")
		}
		if calls == 2 {
			panic(http.ErrAbortHandler)
		}
		return nil
	})
	if got := post(postBack(1)); got != 500 {
		t.Errorf("got %d", got)
	}
	func() {
		defer func() { _ = recover() }()
		post(postBack(1))
		t.Error("the panic is lost")
	}()
	for range 3 {
		if got := post(postBack(1)); got != 204 {
			t.Errorf("got %d", got)
		}
	}
	if calls != 3 {
		t.Errorf("accept was called %d times, want 3", calls)
	}
}

// Of many that come at once, one is handed on; where that fails, the next.
func TestHandlerTakesOneOfManyAtOnce(t *testing.T) {
	var calls, under atomic.Int64
	_, post := handler(t, func(context.Context, zixflow.PostBack) error {
		if under.Add(1) != 1 {
			t.Error("two are under way")
		}
		defer under.Add(-1)
		time.Sleep(20 * time.Millisecond)
		if calls.Add(1) <= 2 {
			return errors.New("not yet")
		}
		return nil
	})
	responses := map[int]int{}
	var mutex sync.Mutex
	var senders sync.WaitGroup
	for range 30 {
		senders.Go(func() {
			status := post(postBack(1))
			mutex.Lock()
			defer mutex.Unlock()
			responses[status]++
		})
	}
	senders.Wait()
	if calls.Load() != 3 || responses[500] != 2 || responses[204] != 28 {
		t.Errorf("accept was called %d times, and the responses are %v", calls.Load(), responses)
	}
}

func TestHandlerForgetsTheOldest(t *testing.T) {
	calls := 0
	handler, post := handler(t, func(context.Context, zixflow.PostBack) error {
		calls++
		return nil
	})
	zixflow.Remember(handler, 10)
	for id := range 25 {
		post(postBack(id))
	}
	for id := 15; id < 25; id++ {
		post(postBack(id))
	}
	if calls != 25 {
		t.Errorf("one of the latest ten was forgotten: accept was called %d times", calls)
	}
	post(postBack(14))
	if calls != 26 {
		t.Error("one was remembered beyond the bound")
	}
}

func TestHandlerNeedsATokenAndAFunction(t *testing.T) {
	accept := func(context.Context, zixflow.PostBack) error { return nil }
	for _, token := range []string{"", "fifteen letters"} {
		_, err := zixflow.PostBackHandler(token, accept)
		if got := failure(t, err, zixflow.StatusInvalidArgument); token != "" && strings.Contains(got.Message, token) {
			t.Errorf("%v tells the token", got)
		}
	}
	_, err := zixflow.PostBackHandler(token, nil)
	failure(t, err, zixflow.StatusInvalidArgument)
}
