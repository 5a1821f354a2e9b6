// Command main drives Go's net/http: BASE_URL CA_FILE MESSAGE_FILE SENDS.
//
// It makes a client, sends once, and then SENDS times. It prints "PHASE WALL_NS PROCESSOR_NS" for
// each phase, then each send's latency in nanoseconds, as 8 bytes.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const path = "/api/ingest/whatsapp/v1/message/interactive/reply-buttons/send"

// warmUp is the number of sends before the measured ones, in which caches and buffers fill.
const warmUp = 200

type reply struct {
	Success   bool   `json:"success"`
	Message   string `json:"message"`
	RequestID string `json:"request_id"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(arguments []string) error {
	if len(arguments) != 4 {
		return errors.New("usage: BASE_URL CA_FILE MESSAGE_FILE SENDS")
	}
	url := arguments[0] + path
	text, err := os.ReadFile(arguments[2])
	if err != nil {
		return err
	}
	message := string(text)
	sends, err := strconv.Atoi(arguments[3])
	if err != nil {
		return err
	}

	end := begin("client")
	client, err := newClient(arguments[1])
	if err != nil {
		return err
	}
	end()

	end = begin("first")
	if err := send(client, url, message); err != nil {
		return err
	}
	end()

	if sends == 0 {
		return nil
	}
	for range warmUp {
		if err := send(client, url, message); err != nil {
			return err
		}
	}

	latencies := make([]time.Duration, sends)
	end = begin("sends")
	for i := range latencies {
		start := time.Now()
		if err := send(client, url, message); err != nil {
			return err
		}
		latencies[i] = time.Since(start)
	}
	end()

	return binary.Write(os.Stdout, binary.NativeEndian, latencies)
}

func newClient(caFile string) (*http.Client, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}, nil
}

func send(client *http.Client, url, message string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(message))
	if err != nil {
		return err
	}
	request.Header.Set("content-type", "application/json")
	request.Header.Set("accept", "application/json")
	request.Header.Set("accept-encoding", "identity")
	request.Header.Set("x-api-key", "benchmark-key")
	request.Header.Set("x-workspace-id", "benchmark-workspace")
	request.Header.Set("user-agent", "zixflow-c/0.3.0")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var result reply
	if err := json.Unmarshal(body, &result); err != nil {
		return err
	}
	if !result.Success || result.Message == "" || result.RequestID == "" {
		return fmt.Errorf("not accepted: %s", body)
	}
	return nil
}

// begin starts a phase; the function that it returns ends and prints it.
func begin(phase string) (end func()) {
	processor := processorTime()
	start := time.Now()
	return func() {
		wall := time.Since(start)
		fmt.Println(phase, wall.Nanoseconds(), (processorTime() - processor).Nanoseconds())
	}
}

// processorTime is that of the whole process.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
