// Package whatsapp asks customers something on WhatsApp, as Temporal workflows: each
// sends one reply-buttons message, waits for its post-backs, and ends with what became
// of it. The message is never sent twice, and no workflow is lost, though workers die.
package whatsapp

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"zixflow.example/go/zixflow"
)

// TaskQueue is where [Ask] and [Sender.Send] run.
const TaskQueue = "whatsapp"

// Question is what [Ask] is started with. Temporal keeps it in the workflow's history.
type Question struct {
	// Message is what the customer gets. Its PostBackURL is the worker's to say, and its
	// PostBackData the workflow's.
	Message zixflow.ReplyButtons

	// Until is what ends the wait: Delivered, Read, or Clicked, which it is if empty. So
	// does what is more than that, and Failed.
	Until Outcome

	// SendWithin is how long the message is tried to be sent, from the workflow's start, while
	// the API is busy or cannot be reached or no worker is there: 10 minutes if 0,
	// [LongestSendWithin] at most. A start that is delayed counts from when it was asked for.
	SendWithin time.Duration

	// WaitFor is how long post-backs are waited for once the message may have been
	// queued: 5 minutes if 0.
	WaitFor time.Duration
}

// Outcome is what became of a message.
type Outcome string

const (
	NotSent     Outcome = "not_sent"    // for certain
	Unconfirmed Outcome = "unconfirmed" // nothing tells whether it reached the customer
	Failed      Outcome = "failed"      // WhatsApp could not deliver it
	Delivered   Outcome = "delivered"
	Read        Outcome = "read"
	Clicked     Outcome = "clicked"
)

// Result is what [Ask] ends with. A cancelled one ends with a CanceledError that has it
// as its details.
type Result struct {
	Outcome   Outcome `json:"outcome"`
	Reason    string  `json:"reason,omitempty"`     // why it was not sent, failed, or is unconfirmed
	Queued    bool    `json:"queued"`               // for certain: the API said so, or a post-back did
	Call      string  `json:"call,omitempty"`       // the last call's status; empty where its worker was lost
	Calls     int     `json:"calls"`                // how many there were
	RequestID string  `json:"request_id,omitempty"` // the API's
}

// ResultOf waits for an [Ask] to end, and returns its result, also that of a cancelled one.
func ResultOf(ctx context.Context, run client.WorkflowRun) (Result, error) {
	var result Result
	err := run.Get(ctx, &result)
	if canceled := (*temporal.CanceledError)(nil); errors.As(err, &canceled) && canceled.HasDetails() {
		err = canceled.Details(&result)
	}
	return result, err
}
