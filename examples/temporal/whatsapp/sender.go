package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"zixflow.example/go/zixflow"
)

// Sender has the activity, and what only a worker knows: it never comes into a history.
type Sender struct {
	Client      *zixflow.Client
	PostBackURL string        // of [PostBackHandler]; it holds a secret
	Timeout     time.Duration // of a call, [LongestCall] at most
}

// Receipt is the API's word that the message is queued.
type Receipt struct {
	RequestID string `json:"request_id"`
}

// Failure is the details of the ApplicationError with which [Sender.Send] fails.
type Failure struct {
	Status    string            `json:"status"` // by the library's name for it
	Reason    string            `json:"reason"`
	NotQueued bool              `json:"not_queued"` // for certain
	Problems  []zixflow.Problem `json:"problems,omitempty"`
}

// Progress is what a heartbeat shows.
type Progress struct {
	Calling string `json:"calling"` // for how long the call has been under way
}

// Send is the activity: one attempt to have the API queue the message, of which call says
// the how-manieth it is. It fails with an ApplicationError of the library's status, which
// is retryable only where the message was not queued and another call can help.
//
// Its retry policy must be MaximumAttempts: 1, see [Ask].
func (s *Sender) Send(ctx context.Context, message zixflow.ReplyButtons, call int) (Receipt, error) {
	if activity.GetInfo(ctx).Attempt > 1 {
		return Receipt{}, fail(Failure{
			Status: zixflow.StatusOutcomeUnknown.String(),
			Reason: "An earlier attempt may have sent the message: it is not sent again.",
		}, nil)
	}
	defer beat(ctx)()

	message.PostBackURL = s.PostBackURL
	// The library's own retries are left to Temporal: a worker that dies in a pause
	// between two would take along what is known of the first.
	receipt, err := s.Client.Send(ctx, message, zixflow.WithTimeout(s.Timeout), zixflow.WithMaxRetries(0))
	if err == nil {
		return Receipt{RequestID: receipt.RequestID}, nil
	}
	var failed *zixflow.Error
	if !errors.As(err, &failed) {
		return Receipt{}, err // which the workflow takes for an unknown outcome
	}
	failure := Failure{
		Status:    failed.Status.String(),
		Reason:    s.withoutSecret(failed.Message),
		NotQueued: failed.Status != zixflow.StatusOutcomeUnknown && failed.Status != zixflow.StatusInternal,
		Problems:  failed.Problems,
	}
	// What this side ended, another worker can take up; a cancelled workflow does not.
	endedHere := errors.Is(err, context.Canceled) || errors.Is(err, zixflow.ErrClosed)
	if failed.Retryable || endedHere && failed.Status == zixflow.StatusNotSent {
		delay := pause(failed.RetryAfter, call)
		return Receipt{}, fail(failure, &delay)
	}
	return Receipt{}, fail(failure, nil)
}

// withoutSecret is what the API says, which may quote the URL that it was given. The library
// does the same for the API key.
func (s *Sender) withoutSecret(text string) string {
	if _, secret := path.Split(s.PostBackURL); secret != "" {
		return strings.ReplaceAll(text, secret, "***")
	}
	return text
}

// fail makes the error. It wraps none: the SDK would take one of the context's for the
// end of the activity, and drop the details.
func fail(failure Failure, retryAfter *time.Duration) error {
	options := temporal.ApplicationErrorOptions{
		NonRetryable: retryAfter == nil,
		Details:      []any{failure},
	}
	if retryAfter != nil {
		options.NextRetryDelay = *retryAfter
		options.Category = temporal.ApplicationErrorCategoryBenign // logged as what can be expected
	}
	return temporal.NewApplicationErrorWithOptions(failure.Reason, failure.Status, options)
}

// longestPause is the most that is waited where the API does not name more.
const longestPause = time.Minute

// pause is the time from the end of a call to the next: never less than the API named,
// never the same for calls that were turned away together, and longer from call to call.
func pause(retryAfter time.Duration, call int) time.Duration {
	pause := max(retryAfter, min(time.Second<<min(call-1, 16), longestPause))
	jitter := rand.N(max(pause/4, 250*time.Millisecond))
	return pause + min(jitter, math.MaxInt64-pause) // an API may name centuries
}

// beatEvery is how soon a call is over whose workflow was cancelled: the response to a
// heartbeat tells of it. The SDK holds back those that come sooner than [NewWorker] has it.
const beatEvery = 400 * time.Millisecond

// beat shows where the call is until the function that it returns is called. Most calls
// are over before the first heartbeat, and cost none.
func beat(ctx context.Context) (stop func()) {
	began := time.Now()
	ended, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		ticker := time.NewTicker(beatEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ended:
				return
			case now := <-ticker.C:
				activity.RecordHeartbeat(ctx, Progress{Calling: fmt.Sprint(now.Sub(began).Round(time.Millisecond))})
			}
		}
	}()
	return func() {
		close(ended)
		<-gone
	}
}
