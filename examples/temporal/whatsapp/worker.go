package whatsapp

import (
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
)

// NewWorker returns a worker that runs [Ask] and the sender's calls, so many at once.
func NewWorker(server client.Client, sender *Sender, calls int) worker.Worker {
	w := worker.New(server, TaskQueue, worker.Options{
		MaxConcurrentActivityExecutionSize: calls,
		MaxHeartbeatThrottleInterval:       beatEvery,
		WorkerStopTimeout:                  longestActivity, // one that shuts down lets its calls end
	})
	w.RegisterWorkflow(Ask)
	w.RegisterActivity(sender)
	return w
}
