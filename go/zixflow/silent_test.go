//go:build !race

// The race detector takes 8,128 goroutines at most.

package zixflow_test

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zixflow.example/go/zixflow"
)

// Twice as many goroutines as Go allows threads are at a server that says
// nothing, and none of them ends the process.
func TestTwentyThousandGoroutinesAgainstASilentServer(t *testing.T) {
	const goroutines, turns = 20_000, 1000
	var connections atomic.Int64
	client := newClient(t, "http://"+silentServer(t, &connections))
	before := threads(t)

	type end struct {
		at  time.Time
		err error
	}
	everyone, cancelEveryone := context.WithCancel(context.Background())
	ends := make(chan end, goroutines)
	var senders, started sync.WaitGroup
	started.Add(goroutines)
	text := compose(t, message())
	for range goroutines {
		senders.Go(func() {
			started.Done()
			_, err := client.SendJSON(everyone, text)
			ends <- end{time.Now(), err}
		})
	}
	started.Wait()
	for start := time.Now(); connections.Load() < turns; time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > 20*time.Second {
			t.Fatalf("%d calls are at the server", connections.Load())
		}
	}

	one, cancelOne := context.WithCancel(context.Background())
	var cancelled time.Time
	time.AfterFunc(200*time.Millisecond, func() {
		cancelled = time.Now()
		cancelOne()
	})
	_, err := client.SendJSON(one, text)
	promptly(t, cancelled)
	noTurn(t, err, context.Canceled)

	if most := before + turns + 50; threads(t) > most {
		t.Errorf("%d threads, want %d at most", threads(t), most)
	}
	if got := connections.Load(); got != turns {
		t.Errorf("%d calls are at the server, want %d", got, turns)
	}

	cancelled = time.Now()
	cancelEveryone()
	senders.Wait()
	close(ends)
	statuses := map[zixflow.Status]int{}
	var latest time.Duration
	for end := range ends {
		var failure *zixflow.Error
		if !errors.As(end.err, &failure) || !errors.Is(end.err, context.Canceled) {
			t.Fatal(end.err)
		}
		statuses[failure.Status]++
		latest = max(latest, end.at.Sub(cancelled))
	}
	if statuses[zixflow.StatusOutcomeUnknown] != turns || statuses[zixflow.StatusNotSent] != goroutines-turns {
		t.Errorf("got %v", statuses)
	}
	if latest > time.Minute { // to wake so many takes a busy machine its time
		t.Errorf("the last of all returned %v late", latest)
	}

	client.Close()
	for start := time.Now(); runtime.NumGoroutine() > 50; time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > 10*time.Second {
			t.Fatalf("%d goroutines are left", runtime.NumGoroutine())
		}
	}
}

// silentServer takes connections, and reads and says nothing. It returns its address.
func silentServer(t *testing.T, connections *atomic.Int64) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		var kept []net.Conn
		defer func() {
			for _, connection := range kept {
				connection.Close()
			}
		}()
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			kept = append(kept, connection)
			connections.Add(1)
		}
	}()
	return listener.Addr().String()
}

// threads returns how many the process has.
func threads(t *testing.T) int {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}
