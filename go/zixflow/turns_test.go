package zixflow_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"zixflow.example/go/zixflow"
)

// full returns a client that has no turn left: its calls are at a silent server.
func full(t *testing.T, calls int, options ...zixflow.Option) *zixflow.Client {
	t.Helper()
	entered := make(chan struct{}, calls)
	client := newClient(t, serve(t, silence(entered)), append(options, zixflow.WithMaxConcurrentCalls(calls))...)
	for range calls {
		go send(client)
		<-entered
	}
	return client
}

func TestWaitForATurnEndsWithTheContext(t *testing.T) {
	client := full(t, 2)
	cancelled, cancel := context.WithCancel(context.Background())
	var end time.Time
	time.AfterFunc(100*time.Millisecond, func() {
		end = time.Now()
		cancel()
	})
	_, err := client.Send(cancelled, message())
	promptly(t, end)
	noTurn(t, err, context.Canceled)

	end = time.Now().Add(100 * time.Millisecond)
	expiring, cancel := context.WithDeadline(context.Background(), end)
	defer cancel()
	_, err = client.Send(expiring, message())
	promptly(t, end)
	noTurn(t, err, context.DeadlineExceeded)
}

// noTurn fails the test where the error is not that of a call that got no turn.
func noTurn(t *testing.T, err, cause error) {
	t.Helper()
	got := failure(t, err, zixflow.StatusNotSent)
	isRetryable := cause != context.Canceled // nobody wants what was cancelled
	if got.Attempts != 0 || got.Retryable != isRetryable || !strings.Contains(got.Message, "turn") {
		t.Errorf("got %+v", got)
	}
	if errors.Unwrap(err) != cause {
		t.Errorf("%v does not wrap %v", err, cause)
	}
}

func TestWaitForATurnEndsWithTheTimeout(t *testing.T) {
	const timeout = 150 * time.Millisecond
	for _, client := range []*zixflow.Client{full(t, 1), full(t, 1, zixflow.WithTimeout(time.Hour))} {
		end := time.Now().Add(timeout)
		_, err := client.Send(context.Background(), message(), zixflow.WithTimeout(timeout))
		promptly(t, end)
		noTurn(t, err, nil)
	}
}

func TestWaitForATurnEndsWithClose(t *testing.T) {
	client := full(t, 1)
	var closed time.Time
	time.AfterFunc(100*time.Millisecond, func() {
		closed = time.Now()
		client.Close()
	})
	err := send(client)
	promptly(t, closed)
	failure(t, err, zixflow.StatusNotSent)
	if !errors.Is(err, zixflow.ErrClosed) {
		t.Errorf("%v does not wrap ErrClosed", err)
	}
}

// The call after a slow one has what is left of its time, and no more: else it would be 300 ms late each time. A
// busy machine makes it late now and then.
func TestWaitForATurnCountsAsPartOfTheCall(t *testing.T) {
	for range 20 {
		if lateAfterATurn(t) < 250*time.Millisecond {
			return
		}
	}
	t.Error("the call had more time than its timeout")
}

// lateAfterATurn tells how long after its timeout a call ends that waits for its turn before it waits for its
// response.
func lateAfterATurn(t *testing.T) time.Duration {
	t.Helper()
	responses := make(chan time.Duration, 2)
	responses <- 300 * time.Millisecond
	responses <- time.Minute
	entered := make(chan struct{}, 2)
	client := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		entered <- struct{}{}
		select {
		case <-time.After(<-responses):
			accept(w, r)
		case <-r.Context().Done():
		}
	}), zixflow.WithMaxConcurrentCalls(1))
	go send(client)
	<-entered
	end := time.Now().Add(500 * time.Millisecond)
	_, err := client.Send(context.Background(), message(), zixflow.WithTimeout(500*time.Millisecond))
	late := time.Since(end)
	var got *zixflow.Error
	if errors.As(err, &got) && got.Status == zixflow.StatusNotSent {
		return time.Hour // its turn came too late
	}
	if got = failure(t, err, zixflow.StatusOutcomeUnknown); got.Attempts != 1 {
		t.Errorf("got %+v", got)
	}
	return late
}

// Who gives up its wait takes no turn with it, and the others get theirs in the
// order in which they came.
func TestTurnsAreFairAndNeverLost(t *testing.T) {
	release, entered := make(chan struct{}), make(chan struct{}, 20)
	var mutex sync.Mutex
	var arrived []string
	client := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		arrived = append(arrived, r.Header.Get("Content-Length"))
		mutex.Unlock()
		entered <- struct{}{}
		<-release
		accept(w, r)
	}), zixflow.WithMaxConcurrentCalls(1))

	var senders sync.WaitGroup
	var want []string
	waiting := 0
	for i := range 20 {
		body := message()
		body.Body = strings.Repeat("x", 100+i) // the length tells the order
		text := compose(t, body)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if i%2 == 0 {
			want = append(want, strconv.Itoa(len(text)))
		}
		senders.Go(func() {
			_, err := client.SendJSON(ctx, text)
			if i%2 == 0 && err != nil {
				t.Error(err)
			}
			if i%2 == 1 {
				noTurn(t, err, context.Canceled)
			}
		})
		if i == 0 { // which has its turn at once
			<-entered
			continue
		}
		waiting++
		untilWaiting(t, waiting)
		if i%2 == 1 {
			cancel()
			waiting--
			untilWaiting(t, waiting)
		}
	}
	close(release)
	senders.Wait()
	mutex.Lock()
	defer mutex.Unlock()
	if got := strings.Join(arrived, " "); got != strings.Join(want, " ") {
		t.Errorf("arrived as %s, want %s", got, want)
	}
}

// untilWaiting returns when so many goroutines wait for their turn.
func untilWaiting(t *testing.T, n int) {
	t.Helper()
	waiting := regexp.MustCompile(`\[select[^\n]*\]:\n[^\n]*\.turns\.take\(`)
	stacks := make([]byte, 4<<20)
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		length := runtime.Stack(stacks, true)
		got := len(waiting.FindAll(stacks[:length], -1))
		if got == n {
			return
		}
		if time.Since(start) > 10*time.Second {
			t.Fatalf("%d goroutines wait for their turn, want %d", got, n)
		}
	}
}

// All clients together have the process's turns.
func TestClientsShareTheTurnsOfTheProcess(t *testing.T) {
	t.Cleanup(zixflow.BoundProcess(3))
	first, second := full(t, 2), newClient(t, serve(t, accept), zixflow.WithMaxConcurrentCalls(1))
	if err := send(second); err != nil {
		t.Error(err)
	}
	full(t, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err := second.Send(ctx, message())
	noTurn(t, err, context.DeadlineExceeded)
	first.Close()
	if err := send(second); err != nil {
		t.Error(err)
	}
}

func TestMaxConcurrentCallsOutOfRange(t *testing.T) {
	for _, n := range []int{-1, 0, 4001, 1 << 40} {
		_, err := zixflow.New("key", "workspace", zixflow.WithMaxConcurrentCalls(n))
		if got := failure(t, err, zixflow.StatusInvalidArgument); !strings.Contains(got.Message, "WithMaxConcurrentCalls") {
			t.Errorf("got %v", got)
		}
	}
	for _, n := range []int{1, 4000} {
		newClient(t, "https://127.0.0.1:1", zixflow.WithMaxConcurrentCalls(n))
	}
}

// Nothing of a cancelled call goes on, with memory that is the caller's again.
func TestMessageIsTheCallersAgain(t *testing.T) {
	client := newClient(t, serve(t, accept))
	text := compose(t, message())
	for range 100 {
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			runtime.Gosched()
			cancel()
		}()
		client.SendJSON(ctx, text)
		clear(text[:1]) // the race detector watches
		text[0] = '{'
	}
}
