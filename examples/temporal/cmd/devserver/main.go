// Command devserver runs a Temporal server, for trying things out: in memory and on this
// machine only. It prints what to set for Temporal's tools to find it, and ends with Ctrl-C.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"go.temporal.io/server/temporaltest"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	server := temporaltest.NewServer()
	fmt.Printf("export TEMPORAL_ADDRESS=%s\nexport TEMPORAL_NAMESPACE=%s\n",
		server.GetFrontendHostPort(), server.GetDefaultNamespace())
	<-stop
	server.Stop()
}
