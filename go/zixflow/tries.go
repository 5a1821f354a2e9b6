//go:build cgo

package zixflow

import (
	"encoding/json"
	"time"
)

// Try is what one attempt of a call did. A time or a text that does not apply is
// empty: an attempt on a kept connection has no LookUp.
type Try struct {
	At         time.Duration // since the call began
	Connection string        // "new" or "kept"
	Address    string        // the peer's, with its port
	LookUp     time.Duration
	Connect    time.Duration
	Proxy      time.Duration
	TLS        time.Duration
	Send       time.Duration
	Response   time.Duration // from the last byte sent to the last received
	Status     Status
	HTTPStatus int
	Message    string        // what went wrong
	Pause      time.Duration // before the next attempt
}

// UnmarshalJSON reads a try as the library tells of it.
func (t *Try) UnmarshalJSON(text []byte) error {
	var read struct {
		At         milliseconds `json:"at_ms"`
		Connection string       `json:"connection"`
		Address    string       `json:"address"`
		LookUp     milliseconds `json:"look_up_ms"`
		Connect    milliseconds `json:"connect_ms"`
		Proxy      milliseconds `json:"proxy_ms"`
		TLS        milliseconds `json:"tls_ms"`
		Send       milliseconds `json:"send_ms"`
		Response   milliseconds `json:"response_ms"`
		Status     Status       `json:"status"`
		HTTPStatus int          `json:"http_status"`
		Message    string       `json:"message"`
		Pause      milliseconds `json:"pause_ms"`
	}
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	*t = Try{
		At:         time.Duration(read.At),
		Connection: read.Connection,
		Address:    read.Address,
		LookUp:     time.Duration(read.LookUp),
		Connect:    time.Duration(read.Connect),
		Proxy:      time.Duration(read.Proxy),
		TLS:        time.Duration(read.TLS),
		Send:       time.Duration(read.Send),
		Response:   time.Duration(read.Response),
		Status:     read.Status,
		HTTPStatus: read.HTTPStatus,
		Message:    read.Message,
		Pause:      time.Duration(read.Pause),
	}
	return nil
}

// milliseconds is a number of them in JSON, with or without decimals.
type milliseconds time.Duration

func (m *milliseconds) UnmarshalJSON(number []byte) error {
	duration, err := time.ParseDuration(string(number) + "ms")
	*m = milliseconds(duration)
	return err
}
