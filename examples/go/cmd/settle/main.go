// Command settle shows how a message whose outcome is unknown is settled: by its
// post-back, which hands back the PostBackData that the program gave it.
//
// It sends a message to each recipient, takes in the post-backs on this machine,
// and says of each message what became of it. It exits with 0 where all of them
// are settled. Against the sandbox (cargo run -p zixflow-sandbox):
//
//	settle 15550100001 15550100008 15550100009
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"zixflow.example/go/zixflow"
)

func main() {
	timeout := flag.Duration("timeout", 20*time.Second, "for each call")
	wait := flag.Duration("wait", time.Minute, "for post-backs, after the last call")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: settle [-timeout DURATION] [-wait DURATION] RECIPIENT...")
		os.Exit(2)
	}
	desk, err := open()
	if err != nil {
		log.Fatal(err)
	}
	for _, recipient := range flag.Args() {
		ctx, cancel := context.WithTimeout(context.Background(), *timeout)
		desk.send(ctx, recipient)
		cancel()
	}
	time.Sleep(*wait)
	if !desk.report() {
		os.Exit(1)
	}
}

// desk keeps what is known of each message. A real one keeps it in a database, for
// post-backs may come after a restart.
type desk struct {
	client *zixflow.Client
	hook   string

	mutex    sync.Mutex
	messages []*message
}

type message struct {
	id        string // the PostBackData, by which its post-backs find it
	recipient string
	outcome   zixflow.Status // of the call
	fate      string         // by the post-backs: the status of the highest rank
	rank      int
}

func open() (*desk, error) {
	client, err := zixflow.New(os.Getenv("ZIXFLOW_API_KEY"), os.Getenv("ZIXFLOW_WORKSPACE_ID"))
	if err != nil {
		return nil, err
	}
	desk := &desk{client: client}
	token := rand.Text()
	handler, err := zixflow.PostBackHandler(token, desk.accept)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	// In production this is a public https address, in front of such a server.
	desk.hook = fmt.Sprintf("http://%s/post-backs/%s", listener.Addr(), token)
	server := &http.Server{Handler: handler, ReadTimeout: 10 * time.Second}
	go func() { log.Fatal(server.Serve(listener)) }()
	return desk, nil
}

// send writes the message down before it sends it: its post-back may be faster
// than the response.
func (d *desk) send(ctx context.Context, recipient string) {
	sent := &message{id: rand.Text(), recipient: recipient}
	d.mutex.Lock()
	d.messages = append(d.messages, sent)
	d.mutex.Unlock()

	_, err := d.client.Send(ctx, zixflow.ReplyButtons{
		Recipient:    recipient,
		PhoneID:      "1234567890",
		Body:         "Is 6 pm fine?",
		Buttons:      []zixflow.Button{{ID: "yes", Title: "Yes"}, {ID: "no", Title: "No"}},
		PostBackURL:  d.hook,
		PostBackData: sent.id,
	})
	d.mutex.Lock()
	defer d.mutex.Unlock()
	var failure *zixflow.Error
	if errors.As(err, &failure) {
		sent.outcome = failure.Status
	}
}

// accept is called once for each post-back. An error has it come again.
func (d *desk) accept(_ context.Context, postBack zixflow.PostBack) error {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for _, message := range d.messages {
		if message.id != postBack.PostBackData {
			continue
		}
		switch {
		case postBack.IsFailure:
			message.fate = cmp.Or(message.fate, "failed: "+postBack.Remark)
		case postBack.Rank > message.rank: // a late one says nothing new
			message.fate, message.rank = postBack.Status, postBack.Rank
		}
		fmt.Printf("%s: post-back: %s\n", message.recipient, postBack.Status)
	}
	return nil // also of what is not ours: it would come again and again
}

// report tells whether it is settled of each message if it was queued.
func (d *desk) report() bool {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	isSettled := true
	for _, message := range d.messages {
		switch {
		case message.fate != "":
			fmt.Printf("%s: %v, then queued for certain: %s\n", message.recipient, message.outcome, message.fate)
		case message.outcome == zixflow.StatusOutcomeUnknown || message.outcome == zixflow.StatusInternal:
			fmt.Printf("%s: %v, and not settled: do not send it again before a person has looked\n", message.recipient, message.outcome)
			isSettled = false
		default:
			fmt.Printf("%s: %v\n", message.recipient, message.outcome)
		}
	}
	return isSettled
}
