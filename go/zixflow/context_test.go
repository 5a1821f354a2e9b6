package zixflow_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
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

// The whole request went out, and no response came.
func TestDeadlineDuringTheResponse(t *testing.T) {
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
	inTime := 0
	for range 10 {
		deadline := time.Now().Add(150 * time.Millisecond)
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		_, err := client.Send(ctx, message())
		promptly(t, deadline)
		cancel()
		var early *zixflow.Error
		if errors.As(err, &early) && early.Status == zixflow.StatusNotSent && want != early.Status {
			continue // a busy machine had not sent it yet
		}
		inTime++
		if got := failure(t, err, want); got.Retryable != (want == zixflow.StatusNotSent) {
			t.Errorf("got %+v", got) // as with the library's own timeout, and not as with a cancellation
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v does not wrap the deadline's error", err)
		}
	}
	if inTime == 0 {
		t.Errorf("none of ten ended as %v", want)
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

// What ends a call is the context, whatever its deadline looks like by a clock that
// may have been set since the call began.
func TestContextEndsTheCallWhateverTheClockSays(t *testing.T) {
	none := func() (time.Time, bool) { return time.Time{}, false }
	at := func(d time.Duration) func() (time.Time, bool) {
		return func() (time.Time, bool) { return time.Now().Add(d).Round(0), true } // without a monotonic reading
	}
	for name, one := range map[string]struct {
		before, after func() (time.Time, bool)
		err           error
	}{
		"cancelled, the clock set forward":   {at(time.Minute), at(-time.Hour), context.Canceled},
		"cancelled, the clock set back":      {at(time.Minute), at(time.Hour), context.Canceled},
		"cancelled, the clock as it was":     {at(time.Minute), at(time.Minute), context.Canceled},
		"expired, the clock set forward":     {at(time.Minute), at(-time.Hour), context.DeadlineExceeded},
		"expired, the clock set back":        {at(time.Minute), at(time.Hour), context.DeadlineExceeded},
		"expired, and it names no deadline":  {none, none, context.DeadlineExceeded},
		"another error, the clock set ahead": {at(time.Minute), at(-time.Hour), errors.New("stopped")},
	} {
		t.Run(name, func(t *testing.T) {
			for _, isTurn := range []bool{false, true} {
				entered := make(chan struct{}, 1)
				client, want := newClient(t, serve(t, silence(entered))), zixflow.StatusOutcomeUnknown
				if isTurn {
					client, want = full(t, 1), zixflow.StatusNotSent
					time.AfterFunc(50*time.Millisecond, func() { entered <- struct{}{} })
				}
				ctx := &clockSet{Context: context.Background(), done: make(chan struct{}), deadline: one.before}
				var ended time.Time
				go func() {
					<-entered
					ended = time.Now()
					ctx.end(one.err, one.after)
				}()
				_, err := client.Send(ctx, message())
				failure(t, err, want)
				if late := time.Since(ended); late > 10*time.Second { // of a minute
					t.Errorf("returned %v late", late)
				}
				if !errors.Is(err, one.err) {
					t.Errorf("%v does not wrap %v", err, one.err)
				}
			}
		})
	}
}

// clockSet is a context whose deadline is another one, once it has ended.
type clockSet struct {
	context.Context
	mutex    sync.Mutex
	done     chan struct{}
	err      error
	deadline func() (time.Time, bool)
}

func (c *clockSet) end(err error, deadline func() (time.Time, bool)) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.err, c.deadline = err, deadline
	close(c.done)
}

func (c *clockSet) Done() <-chan struct{} { return c.done }

func (c *clockSet) Err() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.err
}

func (c *clockSet) Deadline() (time.Time, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.deadline()
}

// A deadline that lacks a monotonic reading, as one from JSON does, is kept like any other.
func TestDeadlineWithoutAMonotonicReading(t *testing.T) {
	client := newClient(t, serve(t, silence(make(chan struct{}, 1))))
	deadline := time.Now().Add(150 * time.Millisecond).Round(0)
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	_, err := client.Send(ctx, message())
	failure(t, err, zixflow.StatusOutcomeUnknown)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v does not wrap the deadline's error", err)
	}
	if time.Now().Before(deadline) {
		t.Error("it ended before its deadline")
	}
}

// A response that the API gave is not covered up by a context that ended meanwhile.
func TestResponseBeforeTheContextEnds(t *testing.T) {
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
