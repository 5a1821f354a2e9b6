package zixflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zixflow.example/go/zixflow"
)

// busyOnce turns the first request away, for the pause that a second takes.
func busyOnce() http.HandlerFunc {
	var requests atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		accept(w, r)
	}
}

func TestTriesTellWhereTheTimeWent(t *testing.T) {
	url := serve(t, busyOnce())
	client := newClient(t, url)
	receipt, err := client.Send(context.Background(), message(), zixflow.WithTries())
	if err != nil || len(receipt.Tries) != 2 {
		t.Fatalf("got %+v, %v", receipt, err)
	}
	first, second := receipt.Tries[0], receipt.Tries[1]
	if first.Connection != "new" || "http://"+first.Address != url || first.Connect <= 0 || first.Send <= 0 || first.Response <= 0 {
		t.Errorf("got %+v", first)
	}
	if first.Status != zixflow.StatusBusy || first.HTTPStatus != 429 || first.Message == "" || first.Pause < time.Second {
		t.Errorf("got %+v", first)
	}
	if second.Connection != "kept" || second.Connect != 0 || second.Status != zixflow.StatusOK || second.Message != "" || second.Pause != 0 {
		t.Errorf("got %+v", second)
	}
	if second.At < first.At+first.Pause || second.At > 10*time.Second {
		t.Errorf("the second began %v after the first", second.At-first.At)
	}

	receipt, err = client.Send(context.Background(), message())
	if err != nil || receipt.Tries != nil {
		t.Errorf("got %+v, %v", receipt, err)
	}
}

func TestErrorsHaveTriesToo(t *testing.T) {
	client := newClient(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTooManyRequests)
	}), zixflow.WithTries(), zixflow.WithMaxRetries(0))
	if got := failure(t, send(client), zixflow.StatusBusy); len(got.Tries) != 1 || got.Tries[0].Status != zixflow.StatusBusy {
		t.Errorf("got %+v", got.Tries)
	}
}

// Every field has a key of its own.
func TestTryIsReadWhole(t *testing.T) {
	const text = `{"at_ms":0.001,"connection":"new","address":"[::1]:443","look_up_ms":2,"connect_ms":3.5,"proxy_ms":4.25,
		"tls_ms":5.125,"send_ms":6,"response_ms":86400000.007,"status":"busy","http_status":429,"message":"m","pause_ms":8}`
	const ms, us = time.Millisecond, time.Microsecond
	want := zixflow.Try{
		At: us, Connection: "new", Address: "[::1]:443", LookUp: 2 * ms, Connect: 3500 * us, Proxy: 4250 * us,
		TLS: 5125 * us, Send: 6 * ms, Response: 24*time.Hour + 7*us, Status: zixflow.StatusBusy, HTTPStatus: 429, Message: "m", Pause: 8 * ms,
	}
	var got zixflow.Try
	if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestStatsCount(t *testing.T) {
	client := newClient(t, serve(t, busyOnce()))
	for range 2 {
		if err := send(client); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.SendJSON(context.Background(), []byte("{}")); err == nil {
		t.Fatal("it was sent")
	}
	stats, err := client.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if stats.Calls != 3 || stats.CallsBy[zixflow.StatusOK] != 2 || stats.CallsBy[zixflow.StatusInvalidMessage] != 1 || len(stats.CallsBy) != 9 {
		t.Errorf("got %+v", stats)
	}
	if stats.Attempts != 3 || stats.Retries != 1 || stats.ConnectionsOpened != 1 || stats.ConnectionsReused != 2 || stats.ConnectionsIdle != 1 {
		t.Errorf("got %+v", stats)
	}
	if len(stats.CallsWithin) != 12 || stats.CallsWithin[30*time.Second] != 3 || stats.CallsWithin[time.Second] != 2 {
		t.Errorf("got %+v", stats)
	}
	if stats.BytesSent == 0 || stats.BytesReceived == 0 || stats.CallsUnderWay != 0 {
		t.Errorf("got %+v", stats)
	}
}

// Each count of the library has a field.
func TestStatsAreTheLibrarys(t *testing.T) {
	fields := map[string]bool{}
	stats := reflect.TypeFor[zixflow.Stats]()
	for i := range stats.NumField() {
		fields[stats.Field(i).Tag.Get("json")] = true
	}
	var counts map[string]uint64
	if err := json.Unmarshal(zixflow.StatsJSON(newClient(t, "https://127.0.0.1:1")), &counts); err != nil {
		t.Fatal(err)
	}
	for key := range counts {
		isInMap := strings.HasPrefix(key, "latency_ms_le_") || strings.HasPrefix(key, "calls_")
		if !fields[key] && !isInMap {
			t.Errorf("%s has no field", key)
		}
	}
	if len(counts) != len(fields)-2+9+12 {
		t.Errorf("%d counts of the library in %d fields", len(counts), len(fields))
	}
}

func TestStatsOfNoClient(t *testing.T) {
	client := newClient(t, "https://127.0.0.1:1")
	client.Close()
	_, err := client.Stats()
	if failure(t, err, zixflow.StatusInvalidArgument); !errors.Is(err, zixflow.ErrClosed) {
		t.Errorf("%v does not wrap ErrClosed", err)
	}
	for _, client := range []*zixflow.Client{nil, new(zixflow.Client)} {
		_, err := client.Stats()
		failure(t, err, zixflow.StatusInvalidArgument)
	}
}
