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
	"bytes"
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"
)

// Client is a client of the API. It serves any number of goroutines at once.
//
// A call blocks a thread for as long as it lasts, so no more than 1000 calls of a
// client, or as [WithMaxConcurrentCalls] has it, are under way at once, and no
// more than 4000 of all clients. Further ones wait for their turn, first come
// first served, which their timeout and their context end. Go keeps a thread for
// later use and never ends one that is idle, so a process keeps as many threads
// as it ever had calls under way at once.
type Client struct {
	handle              *C.zx_client
	timeout             int64 // in milliseconds, as given by WithTimeout; 0 for none
	turns, processTurns turns
	closed              atomic.Bool
	closing             chan struct{} // closed by Close, for calls that wait for their turn
	cleanup             runtime.Cleanup
}

// Receipt is the API's word that it has accepted and queued a message, which is
// not yet delivered.
type Receipt struct {
	RequestID  string
	Message    string
	HTTPStatus int
	Attempts   int
	Repeated   bool  // the ledger's word: this call made no attempt
	Tries      []Try // what each attempt did, with WithTries
}

// New makes a client. The error is an [*Error] with [StatusInvalidArgument] where
// a credential or an option is bad.
func New(apiKey, workspaceID string, options ...Option) (*Client, error) {
	if err := checkVersion(); err != nil {
		return nil, err
	}
	settings, invalid := gather(options)
	if invalid != nil {
		return nil, invalid
	}
	var lent texts
	defer lent.free()
	key := lent.lend("the API key", apiKey)
	workspace := lent.lend("the workspace ID", workspaceID)
	optionsJSON := lent.lend("the options", settings.encode())
	if err := lent.err(); err != nil {
		return nil, err
	}

	var failure *C.char
	handle := C.zx_client_new(key, workspace, optionsJSON, &failure)
	if handle == nil {
		_, err := parseReply(StatusInternal, take(failure)).outcome()
		return nil, err
	}
	c := &Client{
		handle:       handle,
		turns:        make(turns, settings.maxConcurrentCalls),
		processTurns: processTurns,
		closing:      make(chan struct{}),
	}
	c.timeout, _ = settings.library[timeoutKey].(int64)
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
	if c.isMade() && c.closed.CompareAndSwap(false, true) {
		close(c.closing)
		c.cleanup.Stop()
		C.zx_client_shutdown(c.handle)
		free(c.handle) // the library allows it while others send
	}
	return nil
}

// isMade is false of a nil client and of one that did not come from New.
func (c *Client) isMade() bool {
	return c != nil && c.handle != nil
}

// Send sends a message, and returns when the outcome is known. The error is an
// [*Error].
//
// The context ends the call wherever it is: in its wait for a turn, and within 100
// milliseconds in the library, whose name look-up, connect, write, wait for the
// response and pause it cuts short. The error has the status that is true then, with
// the context's error wrapped: [StatusNotSent] where the message cannot have been
// queued, [StatusOutcomeUnknown] where it may have been. When Send has returned,
// nothing of the call goes on.
//
// The context's deadline is the library's own: WithTimeout can only shorten it.
func (c *Client) Send(ctx context.Context, message ReplyButtons, options ...CallOption) (Receipt, error) {
	text, err := compose(message)
	if err != nil {
		return Receipt{}, err
	}
	defer C.zx_free(unsafe.Pointer(text))
	return c.send(ctx, text, options)
}

// SendJSON is [Client.Send] for a message that is JSON already. It goes out byte
// for byte as it is.
func (c *Client) SendJSON(ctx context.Context, message []byte, options ...CallOption) (Receipt, error) {
	if bytes.IndexByte(message, 0) >= 0 {
		return Receipt{}, holdsNUL("the message")
	}
	terminated := append(slices.Clip(message), 0)
	return c.send(ctx, (*C.char)(unsafe.Pointer(unsafe.SliceData(terminated))), options)
}

// send sends the message in text, which ends in NUL.
func (c *Client) send(ctx context.Context, text *C.char, options []CallOption) (Receipt, error) {
	if !c.isMade() {
		return Receipt{}, invalidArgument("The client is not one that New returned.")
	}
	if ctx == nil {
		return Receipt{}, invalidArgument("The context is nil. Pass context.Background() where there is none.")
	}
	if err := ctx.Err(); err != nil {
		return Receipt{}, endedBefore("The context was done before the call.", err)
	}
	if c.closed.Load() {
		return Receipt{}, closedBefore()
	}
	settings, invalid := gather(options)
	if invalid != nil {
		return Receipt{}, invalid
	}
	if _, ok := settings.timeout(); !ok && c.timeout > 0 {
		settings.library[timeoutKey] = c.timeout
	}
	deadline := settings.deadline(ctx)
	if err := c.takeTurn(ctx, deadline); err != nil {
		return Receipt{}, err
	}
	defer c.giveTurn()
	settings.limit(time.Until(deadline.Time))

	receipt, failure := c.call(ctx, text, settings.encode(), deadline)
	if failure != nil {
		failure.cause = c.cause(ctx, failure.Status, deadline)
		return Receipt{}, failure
	}
	return receipt, nil
}

// call blocks until the library has the outcome.
func (c *Client) call(ctx context.Context, message *C.char, options string, deadline deadline) (Receipt, *Error) {
	defer runtime.KeepAlive(c) // or the garbage collector may release the handle meanwhile
	var lent texts
	defer lent.free()
	optionsJSON := lent.lend("the options", options)
	if err := lent.err(); err != nil {
		return Receipt{}, err
	}
	token, release, err := cancelWith(ctx, deadline.Time)
	if err != nil {
		return Receipt{}, err
	}
	defer release()
	var text *C.char
	status := C.zx_send_reply_buttons_with(c.handle, message, optionsJSON, token, &text)
	return parseReply(Status(status), take(text)).outcome()
}

// cause is what ended a call before its outcome, if anything on this side did.
func (c *Client) cause(ctx context.Context, status Status, deadline deadline) error {
	endedEarly := status == StatusNotSent || status == StatusOutcomeUnknown
	switch {
	case c.closed.Load() && (endedEarly || status == StatusInvalidArgument):
		return ErrClosed // with StatusInvalidArgument, the handle was gone before the call
	case endedEarly && ctx.Err() != nil:
		return ctx.Err()
	case endedEarly:
		return deadline.passed() // the context's own timer may come a moment later
	}
	return nil
}
