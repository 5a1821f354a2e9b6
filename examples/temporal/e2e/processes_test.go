//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

// setting is an environment variable that the tests cannot do without.
func setting(name string) string {
	value := os.Getenv(name)
	if value == "" {
		panic(name + " is not set: run this by cargo test --workspace --test shipped -- --ignored")
	}
	return value
}

// devserver is a Temporal server, a process of its own.
type devserver struct {
	client.Client
	process     *exec.Cmd
	environment []string
	namespace   string
}

func startDevserver() (*devserver, error) {
	process := exec.Command(setting("DEVSERVER"))
	process.SysProcAttr = diesWithTheTests
	process.Stderr = os.Stderr
	output, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	d := &devserver{process: process}
	for lines := bufio.NewScanner(output); len(d.environment) < 2 && lines.Scan(); {
		if variable, ok := strings.CutPrefix(lines.Text(), "export "); ok {
			d.environment = append(d.environment, variable)
		}
	}
	if len(d.environment) < 2 {
		return nil, fmt.Errorf("the server did not say where it is: %v", d.environment)
	}
	_, address, _ := strings.Cut(d.environment[0], "=")
	_, d.namespace, _ = strings.Cut(d.environment[1], "=")
	d.Client, err = client.Dial(client.Options{HostPort: address, Namespace: d.namespace, Logger: silent{}})
	return d, err
}

func (d *devserver) stop() {
	d.Close()
	d.process.Process.Signal(syscall.SIGTERM)
	d.process.Wait()
}

// processorTime is what the server has taken so far.
func (d *devserver) processorTime(t testing.TB) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.process.Process.Pid))
	require.NoError(t, err)
	afterName := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks time.Duration
	for _, field := range afterName[11:13] { // utime and stime
		n, err := strconv.Atoi(field)
		require.NoError(t, err)
		ticks += time.Duration(n)
	}
	return ticks * time.Second / 100
}

// silent is a logger: of what a test shows, the client's own words are no part.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}

// diesWithTheTests has a process die with its parent, however that ends.
var diesWithTheTests = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}

// worker is a worker process. It can be killed and started anew.
type worker struct {
	t       testing.TB
	process *exec.Cmd
	listen  string // its receiver's address, or off
	flags   []string
}

func startWorker(t testing.TB, listen string, flags ...string) *worker {
	w := &worker{t: t, listen: listen, flags: flags}
	w.start()
	t.Cleanup(func() { w.kill() })
	return w
}

func (w *worker) start() {
	w.process = exec.Command(setting("WORKER"), append([]string{"-listen", w.listen, "-post-back-url", posted.url()}, w.flags...)...)
	w.process.SysProcAttr = diesWithTheTests
	w.process.Env = append(append(os.Environ(), server.environment...),
		"ZIXFLOW_API_KEY=sandbox-key", "ZIXFLOW_WORKSPACE_ID=sandbox-workspace",
		"ZIXFLOW_BASE_URL="+setting("ZIXFLOW_SANDBOX_URL"), "ZIXFLOW_POST_BACK_TOKEN="+token)
	log, err := os.OpenFile(filepath.Join(logs, w.t.Name()+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	require.NoError(w.t, err)
	defer log.Close()
	w.process.Stdout, w.process.Stderr = log, log
	require.NoError(w.t, w.process.Start())
	if w.listen != "off" {
		require.Eventually(w.t, w.isUp, time.Minute, 10*time.Millisecond)
	}
}

func (w *worker) isUp() bool {
	connection, err := net.Dial("tcp", w.listen)
	if err != nil {
		return false
	}
	connection.Close()
	return true
}

// kill leaves the process no moment for anything.
func (w *worker) kill() {
	w.process.Process.Kill()
	w.process.Wait()
}

// shutDown asks the process to end, and returns when it has.
func (w *worker) shutDown() error {
	w.process.Process.Signal(syscall.SIGTERM)
	return w.process.Wait()
}

// freeAddress is one to listen at, also for a process that is started anew.
func freeAddress(t testing.TB) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// within is a context that ends with the test's patience.
func within(t *testing.T, patience time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
