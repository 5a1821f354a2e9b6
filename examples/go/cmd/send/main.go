// Command send sends a WhatsApp reply-buttons message through Zixflow, and says
// what to do where that failed. It exits with 0 only where the message was queued.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"zixflow.example/go/zixflow"
)

const usage = `usage: send [-timeout DURATION] [FILE | -]

Sends the WhatsApp reply-buttons message in FILE, from standard input (-), or a
built-in one.

environment:
  ZIXFLOW_API_KEY       the API key
  ZIXFLOW_WORKSPACE_ID  the workspace ID
  ZIXFLOW_BASE_URL      where the API is, if not at Zixflow's own address
  ZIXFLOW_CA_FILE       a PEM file of further roots to trust

flags:
`

func main() {
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	timeout := flag.Duration("timeout", 20*time.Second, "for the whole call")
	flag.Parse()
	if flag.NArg() > 1 {
		flag.Usage()
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()

	receipt, err := send(ctx, flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		advise(err)
		os.Exit(1)
	}
	fmt.Println("queued as", receipt.RequestID)
}

func send(ctx context.Context, source string) (zixflow.Receipt, error) {
	message, err := read(source)
	if err != nil {
		return zixflow.Receipt{}, err
	}
	client, err := zixflow.New(os.Getenv("ZIXFLOW_API_KEY"), os.Getenv("ZIXFLOW_WORKSPACE_ID"), options()...)
	if err != nil {
		return zixflow.Receipt{}, err
	}
	defer client.Close()
	return client.SendJSON(ctx, message)
}

func options() []zixflow.Option {
	var options []zixflow.Option
	if url, ok := os.LookupEnv("ZIXFLOW_BASE_URL"); ok {
		options = append(options, zixflow.WithBaseURL(url))
	}
	if path, ok := os.LookupEnv("ZIXFLOW_CA_FILE"); ok {
		options = append(options, zixflow.WithCAFile(path))
	}
	return options
}

func read(source string) ([]byte, error) {
	switch source {
	case "":
		return zixflow.Compose(zixflow.ReplyButtons{
			Recipient: "15550100001",
			PhoneID:   "1234567890",
			Header:    &zixflow.Header{Type: zixflow.HeaderText, Content: "Your table"},
			Body:      `Hi "Zoë" 👋, is 6 pm fine?`,
			Footer:    "Answer with a tap",
			Buttons: []zixflow.Button{
				{ID: "yes", Title: "Yes"},
				{ID: "no", Title: "No"},
				{ID: "call", Title: "Call me"},
			},
		})
	case "-":
		return io.ReadAll(os.Stdin)
	default:
		return os.ReadFile(source)
	}
}

// advise says what a program can do about a failure.
func advise(err error) {
	var failure *zixflow.Error
	if !errors.As(err, &failure) {
		return
	}
	for _, problem := range failure.Problems {
		fmt.Fprintf(os.Stderr, "  %s: %s\n", problem.Path, problem.Message)
	}
	switch {
	case failure.Retryable:
		fmt.Fprintln(os.Stderr, "It was not queued; send it again in", max(failure.RetryAfter, time.Minute))
	case failure.Status == zixflow.StatusOutcomeUnknown || failure.Status == zixflow.StatusInternal:
		fmt.Fprintln(os.Stderr, "It may have been queued; look before sending it again.")
	default:
		fmt.Fprintln(os.Stderr, "It was not queued, and sending it again as it is cannot help.")
	}
}
