package zixflow

// #include <zixflow.h>
import "C"

import (
	"context"
	"unsafe"
)

// cancelWith returns a token that ends the calls it is given to once the context
// is cancelled, and NULL for a context that never is. After release nothing of it
// is left, nor of what raised it.
func cancelWith(ctx context.Context) (token *C.zx_cancel, release func(), err *Error) {
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
		if !deadlinePassed(ctx) { // a deadline is the library's own, which tells it from a cancellation
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
