package zixflow

// #include <zixflow.h>
import "C"

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Stats are what a client has counted since it was made. All but the last two
// only grow. A call is counted when it is over.
type Stats struct {
	Calls                  uint64 `json:"calls"`
	CallsRepeated          uint64 `json:"calls_repeated"` // calls whose outcome was the ledger's
	Attempts               uint64 `json:"attempts"`
	Retries                uint64 `json:"retries"` // attempts that were not a call's first
	ConnectionsOpened      uint64 `json:"connections_opened"`
	ConnectionsReused      uint64 `json:"connections_reused"`
	ConnectionsFailed      uint64 `json:"connections_failed"`
	ConnectionsFoundClosed uint64 `json:"connections_found_closed"` // kept ones that the peer had closed
	TLSHandshakesResumed   uint64 `json:"tls_handshakes_resumed"`
	BytesSent              uint64 `json:"bytes_sent"` // TLS and what is said to a proxy included
	BytesReceived          uint64 `json:"bytes_received"`

	CallsBy     map[Status]uint64        `json:"calls_by"`        // calls by their status
	CallsWithin map[time.Duration]uint64 `json:"calls_within_ns"` // calls that took at most so long

	CallsUnderWay   uint64 `json:"calls_under_way"`
	ConnectionsIdle uint64 `json:"connections_idle"`
}

// Stats returns what the client has counted. Calls that ended before they reached
// the library, such as those that got no turn in time, are not among them. The
// error is an [*Error], which wraps [ErrClosed] after [Client.Close].
func (c *Client) Stats() (Stats, error) {
	text, failure := c.statsJSON()
	if failure != nil {
		return Stats{}, failure
	}
	stats, err := parseStats(text)
	if err != nil {
		return Stats{}, &Error{Status: StatusInternal, Message: "The library's counts cannot be read: " + err.Error()}
	}
	return stats, nil
}

func (c *Client) statsJSON() ([]byte, *Error) {
	if !c.isMade() {
		return nil, invalidArgument("The client is not one that New returned.")
	}
	defer runtime.KeepAlive(c)
	var out *C.char
	status := Status(C.zx_client_stats(c.handle, &out))
	text := take(out)
	if status == StatusOK && text == nil {
		status = StatusInternal
	}
	if status == StatusOK {
		return text, nil
	}
	_, failure := parseReply(status, text).outcome()
	if c.closed.Load() {
		failure.cause = ErrClosed
	}
	return nil, failure
}

func parseStats(text []byte) (Stats, error) {
	stats := Stats{CallsBy: map[Status]uint64{}, CallsWithin: map[time.Duration]uint64{}}
	var all map[string]uint64
	if err := json.Unmarshal(text, &all); err != nil {
		return stats, err
	}
	for key, count := range all {
		if bound, ok := strings.CutPrefix(key, "latency_ms_le_"); ok {
			ms, err := strconv.ParseInt(bound, 10, 64)
			if err != nil {
				return stats, fmt.Errorf("%s: %w", key, err)
			}
			stats.CallsWithin[time.Duration(ms)*time.Millisecond] = count
		}
		var status Status
		if name, ok := strings.CutPrefix(key, "calls_"); ok && status.UnmarshalText([]byte(name)) == nil {
			stats.CallsBy[status] = count
		}
	}
	return stats, json.Unmarshal(text, &stats)
}
