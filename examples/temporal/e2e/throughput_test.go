//go:build e2e

package e2e

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"zixflow.example/go/temporal/whatsapp"
)

// BenchmarkAsk has one worker ask a hundred customers at a time. It tells the processor
// time of the worker and of the server, and what of the former is the library's.
func BenchmarkAsk(b *testing.B) {
	const atOnce = 100
	receiver := freeAddress(b)
	defer posted.to([]string{receiver}, 1, 0)()
	profile := filepath.Join(b.TempDir(), "worker.pprof")
	worker := startWorker(b, receiver, "-cpu-profile", profile)
	serverBefore := server.processorTime(b)

	began := time.Now()
	ids := make(chan int)
	var asking sync.WaitGroup
	for range atOnce {
		asking.Go(func() {
			for range ids {
				result, err := whatsapp.ResultOf(b.Context(), ask(b, "", "15550100001", time.Minute, time.Minute))
				if err != nil || result.Outcome != whatsapp.Delivered {
					b.Errorf("%+v %v", result, err)
				}
			}
		})
	}
	for i := range b.N {
		ids <- i
	}
	close(ids)
	asking.Wait()
	took := time.Since(began)

	serverTook := server.processorTime(b) - serverBefore
	require.NoError(b, worker.shutDown())
	state := worker.process.ProcessState
	workerTook := state.UserTime() + state.SystemTime()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(b.N)/took.Seconds(), "workflows/s")
	b.ReportMetric(float64(workerTook.Microseconds())/1000/float64(b.N), "worker-ms/workflow")
	b.ReportMetric(float64(serverTook.Microseconds())/1000/float64(b.N), "server-ms/workflow")
	b.ReportMetric(libraryShare(b, profile), "library-%-of-worker")
}

// libraryShare is what of a worker's processor time passes in calls of the library.
func libraryShare(b *testing.B, profile string) (percent float64) {
	const calls = "_Cfunc_zx_"
	top, err := exec.Command("go", "tool", "pprof", "-top", "-focus="+calls, "-show="+calls, profile).CombinedOutput()
	require.NoError(b, err, "%s", top)
	share := regexp.MustCompile(`accounting for .+, ([0-9.]+)% of`).FindSubmatch(top)
	require.NotNil(b, share, "%s", top)
	percent, err = strconv.ParseFloat(string(share[1]), 64)
	require.NoError(b, err)
	return percent
}
