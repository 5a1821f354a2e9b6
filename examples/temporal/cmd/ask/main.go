// Command ask asks a customer something, and shows how that goes. Ctrl-C cancels it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"zixflow.example/go/temporal/whatsapp"
	"zixflow.example/go/zixflow"
)

const usage = `usage: ask [flags] RECIPIENT

Asks "Is 6 pm fine?", or as -body says, with the buttons Yes and No. It exits with 0 where
the message reached the customer.

The Temporal server is found as Temporal's own tools find it: TEMPORAL_ADDRESS and so on.

flags:
`

func main() {
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	id := flag.String("id", "", "the workflow's, such as an order's number: what was asked is not asked again, but shown")
	until := flag.String("until", "", "what to wait for: delivered, read or clicked, which is the default")
	sendWithin := flag.Duration("send-within", 0, "how long to try to send it, whether a worker is there or not (default 10m0s)")
	waitFor := flag.Duration("wait-for", 0, "how long to wait for post-backs (default 5m0s)")
	phoneID := flag.String("phone-id", "1234567890", "of the WhatsApp Business account that sends")
	body := flag.String("body", "Is 6 pm fine?", "the question")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if *id != "" { // else Temporal makes one
		if err := whatsapp.CheckID(*id); err != nil {
			log.Fatal(err)
		}
	}
	result, err := ask(*id, whatsapp.Question{
		Message: zixflow.ReplyButtons{
			Recipient: flag.Arg(0),
			PhoneID:   *phoneID,
			Body:      *body,
			Buttons:   []zixflow.Button{{ID: "yes", Title: "Yes"}, {ID: "no", Title: "No"}},
		},
		Until:      whatsapp.Outcome(*until),
		SendWithin: *sendWithin,
		WaitFor:    *waitFor,
	})
	if err != nil {
		log.Fatal(err)
	}
	text, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
	switch result.Outcome {
	case whatsapp.Delivered, whatsapp.Read, whatsapp.Clicked:
	default:
		os.Exit(1)
	}
}

func ask(id string, question whatsapp.Question) (whatsapp.Result, error) {
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return whatsapp.Result{}, err
	}
	server, err := client.Dial(options)
	if err != nil {
		return whatsapp.Result{}, err
	}
	defer server.Close()

	ctx := context.Background()
	run, err := server.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       id,
		TaskQueue:                whatsapp.TaskQueue,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, whatsapp.Ask, question)
	if err != nil {
		return whatsapp.Result{}, err
	}
	fmt.Println("workflow", run.GetID())
	interrupted, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	ignore := context.AfterFunc(interrupted, func() {
		stop() // a second Ctrl-C ends this program alone
		if err := server.CancelWorkflow(ctx, run.GetID(), run.GetRunID()); err != nil {
			log.Print(err)
		}
	})
	defer ignore() // or stop would cancel the workflow
	progress := progress{server: server, run: run, began: time.Now()}
	if err := progress.show(ctx); err != nil {
		return whatsapp.Result{}, err
	}
	return whatsapp.ResultOf(ctx, run)
}
