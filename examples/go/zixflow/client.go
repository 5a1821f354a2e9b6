// Package zixflow sends WhatsApp reply-buttons messages through Zixflow, over
// libzixflow.
//
// It finds the library by pkg-config, so libzixflow has to be installed: see the
// library's README. With the build tag zixflow_static it links the static
// library, where that alone is installed. Go's build cache does not see that
// another version of the library was installed: build with -a then.
//
// An error of this package that tells of a message is an [*Error]. Its Status is
// the answer to the one question that matters: was the message queued?
package zixflow

// #include <zixflow.h>
import "C"

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"
)

// Client is a client of the API. It serves any number of goroutines at once.
type Client struct {
	handle  *C.zx_client
	timeout int64 // in milliseconds, as given by WithTimeout; 0 leaves it to the library
	closed  atomic.Bool
	cleanup runtime.Cleanup
}

// Receipt is the API's word that it has accepted and queued a message, which is
// not yet delivered.
type Receipt struct {
	RequestID  string
	Message    string
	HTTPStatus int
	Attempts   int
}

// New makes a client. The error is an [*Error] with [StatusInvalidArgument] where
// a credential or an option is bad.
func New(apiKey, workspaceID string, options ...Option) (*Client, error) {
	if err := checkVersion(); err != nil {
		return nil, err
	}
	settings := map[string]any{}
	for _, option := range options {
		option.set(settings)
	}
	encoded, err := encode(settings)
	if err != nil {
		return nil, err
	}
	var lent texts
	defer lent.free()
	key := lent.lend("the API key", apiKey)
	workspace := lent.lend("the workspace ID", workspaceID)
	optionsJSON := lent.lend("the options", encoded)
	if err := lent.err(); err != nil {
		return nil, err
	}

	var failure *C.char
	handle := C.zx_client_new(key, workspace, optionsJSON, &failure)
	if handle == nil {
		_, err := parseReply(take(failure))
		return nil, err
	}
	c := &Client{handle: handle}
	c.timeout, _ = settings[timeoutKey].(int64)
	c.cleanup = runtime.AddCleanup(c, free, handle)
	return c, nil
}

func free(handle *C.zx_client) {
	C.zx_free(unsafe.Pointer(handle))
}

// Close ends the calls under way, each with the status that is true of it, and
// refuses later ones with [ErrClosed]. It may be called by any goroutine, and
// more than once. It returns nil.
//
// A client that is forgotten without Close is released by the garbage collector.
func (c *Client) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.cleanup.Stop()
		C.zx_client_shutdown(c.handle)
		free(c.handle) // the library allows it while others send
	}
	return nil
}

// Send sends a message, and returns when the outcome is known. The error is an
// [*Error].
//
// The context's deadline is the library's own: a call that it ends returns the
// true status, with the context's error wrapped.
//
// The library cannot take back a single call. So where the context is cancelled
// in the middle of one, Send returns at once with [StatusOutcomeUnknown], and
// the call goes on by itself, until its timeout at the latest: the message may
// still go out. Close ends such calls too. A context that is done before the
// call sends nothing: [StatusNotSent].
func (c *Client) Send(ctx context.Context, message ReplyButtons, options ...CallOption) (Receipt, error) {
	text, err := Compose(message)
	if err != nil {
		return Receipt{}, err
	}
	return c.SendJSON(ctx, text, options...)
}

// SendJSON is [Client.Send] for a message that is JSON already. It goes out byte
// for byte as it is.
func (c *Client) SendJSON(ctx context.Context, message []byte, options ...CallOption) (Receipt, error) {
	if err := ctx.Err(); err != nil {
		return Receipt{}, &Error{Status: StatusNotSent, Message: "The context was done before the call.", Retryable: true, cause: err}
	}
	if c.closed.Load() {
		return Receipt{}, &Error{Status: StatusNotSent, Message: "The client was closed before the call.", cause: ErrClosed}
	}
	encoded, err := encode(c.callOptions(ctx, options))
	if err != nil {
		return Receipt{}, err
	}

	var (
		receipt Receipt
		failure *Error
		done    = make(chan struct{})
	)
	go func() {
		defer close(done)
		receipt, failure = c.call(string(message), encoded)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		if deadlinePassed(ctx) {
			<-done // the library was given this deadline, and is about to tell the status
			break
		}
		select {
		case <-done:
		default:
			return Receipt{}, &Error{
				Status:  StatusOutcomeUnknown,
				Message: "The context was cancelled during the call, which goes on: the message may have been queued, or may still be.",
				cause:   ctx.Err(),
			}
		}
	}
	if failure != nil {
		failure.cause = c.cause(ctx, failure.Status)
		return Receipt{}, failure
	}
	return receipt, nil
}

// callOptions are the options of one call, the context's deadline among them.
func (c *Client) callOptions(ctx context.Context, options []CallOption) map[string]any {
	settings := map[string]any{}
	if c.timeout > 0 {
		settings[timeoutKey] = c.timeout
	}
	for _, option := range options {
		option.set(settings)
	}
	if deadline, ok := ctx.Deadline(); ok {
		left := milliseconds(min(max(time.Until(deadline), time.Millisecond), longestTimeout))
		if timeout, ok := settings[timeoutKey].(int64); !ok || left < timeout {
			settings[timeoutKey] = left
		}
	}
	return settings
}

// longestTimeout is what the library takes at most.
const longestTimeout = 24 * time.Hour

// call blocks until the library has the outcome.
func (c *Client) call(message, options string) (Receipt, *Error) {
	defer runtime.KeepAlive(c) // or the garbage collector may release the handle meanwhile
	var lent texts
	defer lent.free()
	messageJSON := lent.lend("the message", message)
	optionsJSON := lent.lend("the options", options)
	if err := lent.err(); err != nil {
		return Receipt{}, err
	}
	var text *C.char
	C.zx_send_reply_buttons_with(c.handle, messageJSON, optionsJSON, nil, &text)
	return parseReply(take(text))
}

// cause is what ended a call before its outcome, if anything on this side did.
func (c *Client) cause(ctx context.Context, status Status) error {
	endedEarly := status == StatusNotSent || status == StatusOutcomeUnknown
	switch {
	case c.closed.Load() && (endedEarly || status == StatusInvalidArgument):
		return ErrClosed // with StatusInvalidArgument, the handle was gone before the call
	case endedEarly && ctx.Err() != nil:
		return ctx.Err()
	case endedEarly && deadlinePassed(ctx):
		return context.DeadlineExceeded // the context's own timer may come a moment later
	}
	return nil
}

func deadlinePassed(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && !time.Now().Before(deadline)
}
