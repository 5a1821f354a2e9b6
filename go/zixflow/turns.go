//go:build cgo

package zixflow

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A call that waits in C holds a thread, and Go ends a process at its 10,000th.
// So calls take turns at being in C, while any number of goroutines may wait.

// defaultConcurrentCalls is as many as a client keeps connections for.
const defaultConcurrentCalls = 1000

// mostConcurrentCalls is the bound of a process, whatever its clients are given:
// below what Go allows, and below the 4,096 that containers commonly do.
const mostConcurrentCalls = 4000

// turns are free places in C. Who waits the longest gets the next one.
type turns chan struct{}

var processTurns = make(turns, mostConcurrentCalls)

// takeTurn waits for a place in C until the deadline, the context's end or Close.
func (c *Client) takeTurn(ctx context.Context, deadline deadline) *Error {
	timeout := time.NewTimer(time.Until(deadline.Time))
	defer timeout.Stop()
	if err := c.turns.take(ctx, c.closing, timeout.C, deadline); err != nil {
		return err
	}
	if err := c.processTurns.take(ctx, c.closing, timeout.C, deadline); err != nil {
		c.turns.give()
		return err
	}
	return nil
}

func (c *Client) giveTurn() {
	c.processTurns.give()
	c.turns.give()
}

func (t turns) take(ctx context.Context, closing <-chan struct{}, timeout <-chan time.Time, deadline deadline) *Error {
	select {
	case t <- struct{}{}: // a free place is taken even at the last moment
		return nil
	default:
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-closing:
		return closedBefore()
	case <-ctx.Done():
		return t.tooLate(ctx.Err())
	case <-timeout:
		return t.tooLate(deadline.passed()) // the context's own timer may come a moment later
	}
}

func (t turns) give() { <-t }

func (t turns) tooLate(cause error) *Error {
	const message = "The call got no turn in time: %d others were under way. See WithMaxConcurrentCalls."
	return endedBefore(fmt.Sprintf(message, cap(t)), cause)
}

// endedBefore is of a call that was over before the library knew of it. Like the
// library's own, it is not retryable where it was cancelled: nobody wants it then.
func endedBefore(message string, cause error) *Error {
	return &Error{
		Status:    StatusNotSent,
		Message:   message,
		Retryable: !errors.Is(cause, context.Canceled),
		cause:     cause,
	}
}

func closedBefore() *Error {
	return &Error{Status: StatusNotSent, Message: "The client was closed before the call.", cause: ErrClosed}
}
