// Package prometheus shows a client's counts to Prometheus. It is a module of its
// own, so that whoever sends messages need not have Prometheus's library.
package prometheus

import (
	"math"
	"reflect"

	"github.com/prometheus/client_golang/prometheus"

	"zixflow.example/go/zixflow"
)

// Collector collects a client's [zixflow.Stats] when it is asked to. Register it,
// with prometheus.WrapRegistererWith where there are several clients.
type Collector struct{ client *zixflow.Client }

// NewCollector returns a collector of what the client counts.
func NewCollector(client *zixflow.Client) Collector { return Collector{client} }

var (
	callsBy = describe("calls_total", "Calls that are over, by what became of the message.", "status")
	seconds = describe("call_seconds", "How long calls took. Their sum is not known.")
	simple  = []metric{
		{"CallsRepeated", prometheus.CounterValue, describe("calls_repeated_total", "Calls whose outcome was the ledger's.")},
		{"Attempts", prometheus.CounterValue, describe("attempts_total", "HTTP attempts.")},
		{"Retries", prometheus.CounterValue, describe("retries_total", "HTTP attempts that were not a call's first.")},
		{"ConnectionsOpened", prometheus.CounterValue, describe("connections_opened_total", "New connections, to the end of the TLS handshake.")},
		{"ConnectionsReused", prometheus.CounterValue, describe("connections_reused_total", "Kept connections that were used again.")},
		{"ConnectionsFailed", prometheus.CounterValue, describe("connections_failed_total", "Connections that could not be opened.")},
		{"ConnectionsFoundClosed", prometheus.CounterValue, describe("connections_found_closed_total", "Kept connections that the peer had closed.")},
		{"TLSHandshakesResumed", prometheus.CounterValue, describe("tls_handshakes_resumed_total", "New connections that continued an earlier TLS session.")},
		{"BytesSent", prometheus.CounterValue, describe("sent_bytes_total", "Bytes sent, TLS included.")},
		{"BytesReceived", prometheus.CounterValue, describe("received_bytes_total", "Bytes received, TLS included.")},
		{"CallsUnderWay", prometheus.GaugeValue, describe("calls_under_way", "Calls that are under way.")},
		{"ConnectionsIdle", prometheus.GaugeValue, describe("connections_idle", "Connections that are kept for the next call.")},
	}
)

// metric is one that is a number of the stats.
type metric struct {
	field       string
	kind        prometheus.ValueType
	description *prometheus.Desc
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("zixflow_"+name, help, labels, nil)
}

// Describe implements [prometheus.Collector].
func (c Collector) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- callsBy
	descriptions <- seconds
	for _, metric := range simple {
		descriptions <- metric.description
	}
}

// Collect implements [prometheus.Collector].
func (c Collector) Collect(metrics chan<- prometheus.Metric) {
	stats, err := c.client.Stats()
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(callsBy, err)
		return
	}
	for status, calls := range stats.CallsBy {
		metrics <- prometheus.MustNewConstMetric(callsBy, prometheus.CounterValue, float64(calls), status.String())
	}
	within := map[float64]uint64{}
	for bound, calls := range stats.CallsWithin {
		within[bound.Seconds()] = calls
	}
	metrics <- prometheus.MustNewConstHistogram(seconds, stats.Calls, math.NaN(), within)
	counts := reflect.ValueOf(stats)
	for _, metric := range simple {
		count := counts.FieldByName(metric.field).Uint()
		metrics <- prometheus.MustNewConstMetric(metric.description, metric.kind, float64(count))
	}
}
