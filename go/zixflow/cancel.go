package zixflow

// #include <zixflow.h>
import "C"

import (
	"context"
	"errors"
	"time"
	"unsafe"
)

// sameTime is how far the library's time-out and the timer of a context that has
// the same deadline may be apart.
const sameTime = 50 * time.Millisecond

// cancelWith returns a token that ends the calls it is given to once the context
// is done, and NULL for a context that never is. After release nothing of it is
// left, nor of what raised it.
//
// A call that times out anyway is left to do so: then its failure is retryable
// where it was not sent, which a cancelled one is not. The context's error tells
// which of the two it is. Its deadline does not: it may be a time by a clock that
// has been set since.
func cancelWith(ctx context.Context, end time.Time) (token *C.zx_cancel, release func(), err *Error) {
	if ctx.Done() == nil {
		return nil, func() {}, nil
	}
	token = C.zx_cancel_new()
	if token == nil {
		return nil, nil, &Error{Status: StatusNotSent, Message: "There was no memory for a cancel token.", Retryable: true}
	}
	raised := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(raised)
		timesOut := errors.Is(ctx.Err(), context.DeadlineExceeded) && time.Until(end) < sameTime
		if !timesOut {
			C.zx_cancel_now(token)
		}
	})
	return token, func() {
		if !stop() {
			<-raised
		}
		C.zx_free(unsafe.Pointer(token))
	}, nil
}
