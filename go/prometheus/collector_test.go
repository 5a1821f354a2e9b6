package prometheus

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"zixflow.example/go/zixflow"
)

func TestCountsAreShown(t *testing.T) {
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"success":true,"message":"Queued.","request_id":"42"}`)
	}))
	defer endpoint.Close()
	client, err := zixflow.New("key", "workspace", zixflow.WithBaseURL(endpoint.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range 3 {
		_, err := client.Send(context.Background(), zixflow.ReplyButtons{
			Recipient: "919876543210", PhoneID: "1", Body: "x", Buttons: []zixflow.Button{{ID: "a", Title: "A"}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.SendJSON(context.Background(), []byte("{}")); err == nil {
		t.Fatal("it was sent")
	}

	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(NewCollector(client))
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
	recorder := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(recorder, httptest.NewRequest("GET", "/metrics", nil))
	page := recorder.Body.String()
	for _, line := range []string{
		`zixflow_calls_total{status="ok"} 3`,
		`zixflow_calls_total{status="invalid_message"} 1`,
		`zixflow_calls_total{status="outcome_unknown"} 0`,
		`zixflow_call_seconds_bucket{le="30"} 4`,
		`zixflow_call_seconds_count 4`,
		`zixflow_attempts_total 3`,
		`zixflow_connections_opened_total 1`,
		`zixflow_connections_reused_total 2`,
		`zixflow_connections_idle 1`,
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("%s is not in\n%s", line, page)
		}
	}

	client.Close()
	if _, err := registry.Gather(); err == nil {
		t.Error("a closed client has counts")
	}
}

// Each count is shown: a new one of the library's has a metric.
func TestEveryCountIsShown(t *testing.T) {
	shown := map[string]bool{"Calls": true, "CallsBy": true, "CallsWithin": true} // the first is the sum of the second
	for _, metric := range simple {
		shown[metric.field] = true
	}
	stats := reflect.TypeFor[zixflow.Stats]()
	for i := range stats.NumField() {
		if name := stats.Field(i).Name; !shown[name] {
			t.Errorf("%s is not shown", name)
		}
	}
}
