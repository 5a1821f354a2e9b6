//go:build cgo

package zixflow

// #include <zixflow.h>
import "C"

import (
	"context"
	"encoding/json"
	"iter"
	"runtime"
	"time"
)

// WithLedger names a file that remembers what was sent, for calls with an
// [IdempotencyKey]: over processes and crashes, a key never sends a second time
// what may have been queued. It is made where there is none, on a local disk.
func WithLedger(file string) Option { return option{"ledger", file} }

// WithLedgerDays says how long the ledger remembers what is settled; 0 is for ever.
func WithLedgerDays(n int) Option { return option{"ledger_days", n} }

// IdempotencyKey names the message of a single [Client.Send] in the client's
// ledger. It takes a client [WithLedger]; [New] refuses it.
func IdempotencyKey(key string) CallOption { return callOption{option{"idempotency_key", key}} }

// UnsettledMessage is one whose outcome the ledger does not know.
type UnsettledMessage struct {
	IdempotencyKey string
	BeganAt        time.Time
}

// Settle reads a post-back, as [ReadPostBack] does, and settles the entry of the
// client's ledger that it is about: its message was queued. The PostBack tells of
// it by Settled and IdempotencyKey. The error is an [*Error].
//
// Where the context ends first, it may be settled all the same. The same is true
// of Forget.
func (c *Client) Settle(ctx context.Context, body []byte) (PostBack, error) {
	text, err := c.askLedger(ctx, "the post-back", string(body), func(body *C.char, out **C.char) C.zx_status {
		return C.zx_client_settle(c.handle, body, out)
	})
	if err != nil {
		return PostBack{}, err
	}
	postBack, err := parsePostBack(text)
	if err == nil {
		settled := struct {
			Settled        *bool   `json:"settled"`
			IdempotencyKey *string `json:"idempotency_key"`
		}{&postBack.Settled, &postBack.IdempotencyKey}
		err = json.Unmarshal(text, &settled)
	}
	if err != nil {
		return PostBack{}, unreadable(err)
	}
	return postBack, nil
}

// Unsettled returns the messages of the client's ledger whose outcome is unknown,
// oldest first. An error, which is an [*Error], is the last thing that it yields.
func (c *Client) Unsettled(ctx context.Context) iter.Seq2[UnsettledMessage, error] {
	return func(yield func(UnsettledMessage, error) bool) {
		isFirst, after := true, ""
		for {
			messages, err := c.unsettled(ctx, after, isFirst)
			if err != nil {
				yield(UnsettledMessage{}, err)
				return
			}
			for _, message := range messages {
				if !yield(message, nil) {
					return
				}
				after = message.IdempotencyKey
			}
			if len(messages) == 0 {
				return
			}
			isFirst = false
		}
	}
}

func (c *Client) unsettled(ctx context.Context, after string, isFirst bool) ([]UnsettledMessage, error) {
	text, err := c.askLedger(ctx, "the idempotency key", after, func(after *C.char, out **C.char) C.zx_status {
		if isFirst {
			after = nil
		}
		return C.zx_client_unsettled(c.handle, after, out)
	})
	if err != nil {
		return nil, err
	}
	var list struct {
		Entries []struct {
			IdempotencyKey string `json:"idempotency_key"`
			BeganAtMS      int64  `json:"began_at_ms"`
		} `json:"entries"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, unreadable(err)
	}
	var messages []UnsettledMessage
	for _, entry := range list.Entries {
		messages = append(messages, UnsettledMessage{entry.IdempotencyKey, time.UnixMilli(entry.BeganAtMS).UTC()})
	}
	return messages, nil
}

// Forget drops an unknown entry of the client's ledger, so that the next Send with
// its key sends: for a person who decides that it may. The error is an [*Error]:
// [StatusBusy] where a call with the key is under way, [StatusInvalidArgument]
// where its message was queued.
func (c *Client) Forget(ctx context.Context, idempotencyKey string) error {
	_, err := c.askLedger(ctx, "the idempotency key", idempotencyKey, func(key *C.char, out **C.char) C.zx_status {
		return C.zx_client_forget(c.handle, key, out)
	})
	return err
}

// askLedger calls a function that takes a text and hands one out. No token can end
// it, as it takes as long as a disk does; so it is left alone where the context
// ends.
func (c *Client) askLedger(ctx context.Context, name, text string, function func(*C.char, **C.char) C.zx_status) ([]byte, error) {
	if !c.isMade() {
		return nil, invalidArgument("The client is not one that New returned.")
	}
	if ctx == nil {
		return nil, invalidArgument("The context is nil. Pass context.Background() where there is none.")
	}
	if err := ctx.Err(); err != nil {
		return nil, endedBefore("The context was done before the call.", err)
	}
	type result struct {
		text    []byte
		failure *Error
	}
	done := make(chan result, 1)
	go func() {
		defer runtime.KeepAlive(c)
		var lent texts
		defer lent.free()
		given := lent.lend(name, text)
		if err := lent.err(); err != nil {
			done <- result{nil, err}
			return
		}
		var out *C.char
		status := Status(function(given, &out))
		text := take(out)
		if status == StatusOK && text == nil {
			status = StatusInternal
		}
		if status == StatusOK {
			done <- result{text, nil}
			return
		}
		_, failure := parseReply(status, text).outcome()
		if c.closed.Load() {
			failure.cause = ErrClosed
		}
		done <- result{nil, failure}
	}()
	select {
	case result := <-done:
		if result.failure != nil {
			return nil, result.failure
		}
		return result.text, nil
	case <-ctx.Done():
		return nil, endedBefore("The context was done before the ledger responded.", ctx.Err())
	}
}

func unreadable(err error) *Error {
	return &Error{Status: StatusInternal, Message: "What the library handed out cannot be read: " + err.Error()}
}
