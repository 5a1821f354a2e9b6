//go:build cgo

package zixflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// ErrClosed is wrapped by the [*Error] of a call on a closed [Client].
var ErrClosed = errors.New("zixflow: the client is closed")

// Error is why a message was not queued, or why that is not known. It wraps the
// context's error where the context ended the call, and [ErrClosed] where
// [Client.Close] did.
type Error struct {
	Status     Status
	Message    string        // a sentence for a person
	HTTPStatus int           // the API's response, 0 where there was none
	Attempts   int           // HTTP attempts made
	Repeated   bool          // the ledger's word: this call made no attempt
	Retryable  bool          // sending again can help, and cannot deliver twice
	RetryAfter time.Duration // the delay that the API named, 0 for none
	Problems   []Problem     // with StatusInvalidMessage: all that is wrong
	Response   string        // the API's response as it came, where it is not the documented one
	Tries      []Try         // what each attempt did, with WithTries

	cause error
}

// Problem is one thing that is wrong with a message, or is hardly meant.
type Problem struct {
	Path    string `json:"path"` // a JSON Pointer into the message's JSON
	Message string `json:"message"`
}

func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("zixflow: %v: %s (%v)", e.Status, e.Message, e.cause)
	}
	return fmt.Sprintf("zixflow: %v: %s", e.Status, e.Message)
}

func (e *Error) Unwrap() error {
	return e.cause
}

// reply is the JSON in which the library replies.
type reply struct {
	Status       Status    `json:"status"`
	Message      string    `json:"message"`
	RequestID    string    `json:"request_id"`
	HTTPStatus   int       `json:"http_status"`
	Attempts     int       `json:"attempts"`
	Repeated     bool      `json:"repeated"`
	Retryable    bool      `json:"retryable"`
	RetryAfterMS uint64    `json:"retry_after_ms"`
	Problems     []Problem `json:"problems"`
	Warnings     []Problem `json:"warnings"`
	Response     string    `json:"response"`
	Tries        []Try     `json:"tries"`
}

// parseReply reads what a call returned and handed out, which is nil where there
// was no memory for it. The outcome is not lost then: the status tells it.
func parseReply(status Status, text []byte) reply {
	if text == nil {
		return reply{Status: status, Message: "There was no memory for the library's reply."}
	}
	var r reply
	if err := json.Unmarshal(text, &r); err != nil {
		return reply{Status: status, Message: "The library's reply cannot be read: " + err.Error()}
	}
	return r
}

// outcome returns the receipt in a reply, or the error.
func (r reply) outcome() (Receipt, *Error) {
	if r.Status == StatusOK {
		return Receipt{RequestID: r.RequestID, Message: r.Message, HTTPStatus: r.HTTPStatus, Attempts: r.Attempts, Repeated: r.Repeated, Tries: r.Tries}, nil
	}
	return Receipt{}, &Error{
		Status:     r.Status,
		Message:    r.Message,
		HTTPStatus: r.HTTPStatus,
		Attempts:   r.Attempts,
		Repeated:   r.Repeated,
		Retryable:  r.Retryable,
		RetryAfter: time.Duration(min(r.RetryAfterMS, math.MaxInt64/uint64(time.Millisecond))) * time.Millisecond,
		Problems:   r.Problems,
		Response:   r.Response,
		Tries:      r.Tries,
	}
}

func invalidArgument(message string) *Error {
	return &Error{Status: StatusInvalidArgument, Message: message}
}
