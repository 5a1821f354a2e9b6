package zixflow_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"zixflow.example/go/zixflow"
)

func TestContextDoneBeforeTheCall(t *testing.T) {
	client := newClient(t, serve(t, func(http.ResponseWriter, *http.Request) {
		t.Error("something was sent")
	}))
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	expired, cancel := context.WithTimeout(context.Background(), -time.Second)
	defer cancel()
	for _, ctx := range []context.Context{cancelled, expired} {
		called := time.Now()
		_, err := client.Send(ctx, message())
		promptly(t, called)
		if got := failure(t, err, zixflow.StatusNotSent); got.Retryable != (ctx == expired) || got.Attempts != 0 {
			t.Errorf("got %+v", got)
		}
		if !errors.Is(err, ctx.Err()) {
			t.Errorf("%v does not wrap %v", err, ctx.Err())
		}
	}
}

// The whole request went out, and no answer came.
func TestDeadlineDuringTheAnswer(t *testing.T) {
	client := newClient(t, serve(t, silence(make(chan struct{}, 1))))
	deadline(t, client, zixflow.StatusOutcomeUnknown)
}

// The server says nothing to the TLS handshake, so no request can have gone out.
func TestDeadlineDuringTheConnect(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	deadline(t, newClient(t, "https://"+listener.Addr().String()), zixflow.StatusNotSent)
}

// deadline sends under ten deadlines, so that a race with the context's own timer shows.
func deadline(t *testing.T, client *zixflow.Client, want zixflow.Status) {
	for range 10 {
		deadline := time.Now().Add(150 * time.Millisecond)
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		_, err := client.Send(ctx, message())
		promptly(t, deadline)
		cancel()
		if got := failure(t, err, want); got.Retryable != (want == zixflow.StatusNotSent) {
			t.Errorf("got %+v", got) // as with the library's own timeout, and not as with a cancellation
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v does not wrap the deadline's error", err)
		}
	}
}

func TestDeadlineFarAhead(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 100*365*24*time.Hour)
	defer cancel()
	if _, err := newClient(t, serve(t, accept)).Send(ctx, message()); err != nil {
		t.Error(err)
	}
}

func TestEarlierOfTimeoutAndDeadlineCounts(t *testing.T) {
	client := newClient(t, serve(t, silence(make(chan struct{}, 1))), zixflow.WithTimeout(150*time.Millisecond))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	timeout := time.Now().Add(150 * time.Millisecond)
	_, err := client.Send(ctx, message())
	promptly(t, timeout)
	failure(t, err, zixflow.StatusOutcomeUnknown)
	if errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v wraps the error of a deadline that has not passed", err)
	}
}

func TestCancelDuringTheCall(t *testing.T) {
	entered := make(chan struct{}, 1)
	client := newClient(t, serve(t, silence(entered)))
	ctx, cancel := context.WithCancel(context.Background())
	var cancelled time.Time
	go func() {
		<-entered
		cancelled = time.Now()
		cancel()
	}()
	_, err := client.Send(ctx, message())
	promptly(t, cancelled)
	if got := failure(t, err, zixflow.StatusOutcomeUnknown); got.Retryable {
		t.Error("a message that may be queued was called retryable")
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not wrap the cancellation", err)
	}
}

// An answer that the API gave is not covered up by a context that ended meanwhile.
func TestAnswerBeforeTheContextEnds(t *testing.T) {
	client := newClient(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no", http.StatusUnauthorized)
	}))
	_, err := client.Send(&endsMeanwhile{Context: context.Background()}, message())
	failure(t, err, zixflow.StatusUnauthorized)
	if errors.Unwrap(err) != nil {
		t.Errorf("%v wraps an error of the context", err)
	}
}

// endsMeanwhile is a context that is over when it is asked a second time.
type endsMeanwhile struct {
	context.Context
	asked bool
}

func (c *endsMeanwhile) Err() error {
	if !c.asked {
		c.asked = true
		return nil
	}
	return context.Canceled
}
