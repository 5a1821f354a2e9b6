package zixflow_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"zixflow.example/go/zixflow"
)

// Goroutines send while the garbage collector runs all the time: memory that C
// reads and Go forgot would show, under GOEXPERIMENT=cgocheck2 most of all.
func TestThousandGoroutinesUnderGarbageCollection(t *testing.T) {
	client := newClient(t, sandbox(t))
	stop := make(chan struct{})
	var collector sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})

	const goroutines = 1000
	requestIDs := make(chan string, goroutines)
	var senders sync.WaitGroup
	for i := range goroutines {
		senders.Go(func() {
			message := message()
			message.Header = &zixflow.Header{Type: zixflow.HeaderImage, Content: fmt.Sprintf("https://example.com/%d.png", i)}
			message.Footer = fmt.Sprintf("No. %d", i)
			receipt, err := client.Send(context.Background(), message)
			if err != nil {
				t.Error(err)
				return
			}
			requestIDs <- receipt.RequestID
		})
	}
	senders.Wait()
	close(stop)
	collector.Wait()
	close(requestIDs)

	distinct := map[string]bool{}
	for id := range requestIDs {
		distinct[id] = true
	}
	if len(distinct) != goroutines {
		t.Errorf("%d request IDs of %d messages", len(distinct), goroutines)
	}
}
