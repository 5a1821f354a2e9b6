package whatsapp

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"zixflow.example/go/zixflow"
)

const (
	// LongestCall is the most that a [Sender] may let a call take. The activity has a
	// little more, for it to tell how the call ended.
	LongestCall     = 30 * time.Second
	longestActivity = LongestCall + 5*time.Second

	// LongestSendWithin is the most for which a message is tried to be sent: with a call each
	// minute, a longer history than that has is one that Temporal ends.
	LongestSendWithin = 72 * time.Hour

	// lostAfter is when a worker that does not show a sign of life counts as dead.
	lostAfter = 5 * time.Second

	defaultSendWithin = 10 * time.Minute
	defaultWaitFor    = 5 * time.Minute
)

// Ask is the workflow. Start it without a retry policy, and with an ID that says what is
// asked, such as an order's number: Temporal runs one of an ID at a time. See [CheckID].
func Ask(ctx workflow.Context, question Question) (Result, error) {
	return ask(ctx, question, workflow.GetInfo(ctx))
}

func ask(ctx workflow.Context, question Question, info *workflow.Info) (Result, error) {
	if info.Attempt > 1 {
		return Result{}, temporal.NewNonRetryableApplicationError("An earlier run may have sent the message: it is not run again.", "RunTwice", nil)
	}
	if err := CheckID(info.WorkflowExecution.ID); err != nil {
		return Result{}, temporal.NewNonRetryableApplicationError(err.Error(), "InvalidQuestion", nil)
	}
	if until := question.Until; until != "" && until.rank() == 0 {
		return Result{}, temporal.NewNonRetryableApplicationError(fmt.Sprintf("Until is %q: leave it empty, or make it delivered, read or clicked.", until), "InvalidQuestion", nil)
	}
	if question.SendWithin > LongestSendWithin {
		return Result{}, temporal.NewNonRetryableApplicationError(fmt.Sprintf("SendWithin is %v: make it %v at most.", question.SendWithin, LongestSendWithin), "InvalidQuestion", nil)
	}
	// A run that begins in the middle of another, by a reset, still has the latter's message.
	asked := asked{
		question: question,
		run:      info.OriginalRunID,
		wasReset: info.OriginalRunID != info.WorkflowExecution.RunID,
		// Not from now: the first worker may come long after the start.
		sendBefore: info.WorkflowStartTime.Add(cmp.Or(question.SendWithin, defaultSendWithin)),
	}
	asked.question.Message.PostBackData = postBackData(asked.run, info.WorkflowExecution.ID)

	asked.send(ctx)
	if !asked.isNotSent() {
		asked.wait(ctx)
	}
	result := asked.result()
	if ctx.Err() != nil {
		return result, temporal.NewCanceledError(result)
	}
	return result, nil
}

// asked is what a workflow knows of its message.
type asked struct {
	question   Question
	run        string // tells its post-backs from those of another run of the same ID
	wasReset   bool   // another run had the same message, and may have sent it
	sendBefore time.Time

	call      queued
	calls     int
	status    string // of the last call
	reason    string // why the call does not say that it was queued
	requestID string
	told      told
}

// queued is what the calls say of whether the message was queued.
type queued int

const (
	perhaps queued = iota
	certainly
	certainlyNot
)

// send calls the API until it is certain, or cannot be, that the message was queued.
//
// Each call is an activity of a single attempt. Whatever Temporal itself would try again
// may have been sent: an activity whose worker died or lost touch, one that panicked, one
// whose result could not be told. So the server never does: the workflow starts another
// one, and that only upon an error in which the library says "not queued, try again".
// Anything else, known or not, is an outcome that only a post-back settles.
func (a *asked) send(ctx workflow.Context) {
	defer a.takePostBacks(ctx)
	for {
		left := a.sendBefore.Sub(workflow.Now(ctx))
		if left <= 0 { // a start or a pause lasts until there is a worker
			a.call, a.reason = certainlyNot, cmp.Or(a.reason, "The time to send it was over before it began.")
			return
		}
		pause := a.callOnce(ctx, left)
		if pause == 0 || workflow.Now(ctx).Add(pause).After(a.sendBefore) || workflow.Sleep(ctx, pause) != nil {
			return
		}
		if a.takePostBacks(ctx); a.told.any { // it was queued, whatever the call said
			return
		}
	}
}

// takePostBacks takes those that are there.
func (a *asked) takePostBacks(ctx workflow.Context) {
	postBacks := workflow.GetSignalChannel(ctx, postBackSignal)
	for {
		var postBack PostBack
		if !postBacks.ReceiveAsync(&postBack) {
			return
		}
		if postBack.Run == a.run {
			a.told.add(postBack)
		}
	}
}

// isNotSent is whether the message was certainly not queued. What the calls of the run
// before a reset came to, nobody knows here.
func (a *asked) isNotSent() bool {
	return a.call == certainlyNot && !a.told.any && !a.wasReset
}

// callOnce has a worker call the API, and returns the pause before the next call, or 0
// where there is to be none.
func (a *asked) callOnce(ctx workflow.Context, startWithin time.Duration) (pause time.Duration) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToStartTimeout: startWithin,
		StartToCloseTimeout:    longestActivity,
		HeartbeatTimeout:       lostAfter,
		WaitForCancellation:    true, // or a cancelled call would look like one that never began
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	a.calls++
	var receipt Receipt
	err := workflow.ExecuteActivity(ctx, (*Sender)(nil).Send, a.question.Message, a.calls).Get(ctx, &receipt)

	var (
		failure  Failure
		applied  *temporal.ApplicationError
		timeout  *temporal.TimeoutError
		canceled *temporal.CanceledError
	)
	switch {
	case err == nil:
		a.call, a.status, a.reason, a.requestID = certainly, zixflow.StatusOK.String(), "", receipt.RequestID
	case errors.As(err, &applied) && applied.HasDetails() && applied.Details(&failure) == nil && failure.Status != "":
		a.call, a.status, a.reason = perhaps, failure.Status, failure.Reason
		if failure.NotQueued {
			a.call = certainlyNot
			if !applied.NonRetryable() {
				return max(applied.NextRetryDelay(), time.Millisecond)
			}
		}
	case errors.As(err, &timeout) && timeout.TimeoutType() == enums.TIMEOUT_TYPE_SCHEDULE_TO_START:
		a.calls--
		a.call = certainlyNot
		a.reason = cmp.Or(a.reason, "No worker was there to send it.")
	case errors.As(err, &canceled):
		a.calls--
		a.call = certainlyNot
		a.reason = cmp.Or(a.reason, "It was cancelled before a worker took it.")
	default:
		a.call, a.status = perhaps, ""
		a.reason = fmt.Sprintf("The worker that sent it was lost: %v", err)
	}
	return 0
}

// wait takes post-backs, those that came during the calls included, until they say
// enough or the time is over.
func (a *asked) wait(ctx workflow.Context) {
	until := cmp.Or(a.question.Until, Clicked)
	isOver := ctx.Err() != nil
	selector := workflow.NewSelector(ctx)
	selector.AddReceive(workflow.GetSignalChannel(ctx, postBackSignal), func(workflow.ReceiveChannel, bool) {
		a.takePostBacks(ctx)
	})
	if !isOver {
		selector.AddFuture(workflow.NewTimer(ctx, cmp.Or(a.question.WaitFor, defaultWaitFor)), func(workflow.Future) {
			isOver = true // by time, or by the workflow's cancellation
		})
	}
	for !a.told.says(until) && (!isOver || selector.HasPending()) {
		selector.Select(ctx)
	}
}

func (a *asked) result() Result {
	result := Result{
		Outcome:   a.told.outcome(),
		Queued:    a.call == certainly || a.told.any,
		Call:      a.status,
		Calls:     a.calls,
		RequestID: cmp.Or(a.requestID, a.told.requestID),
	}
	switch {
	case a.isNotSent():
		result.Outcome, result.Reason = NotSent, a.reason
	case result.Outcome == Failed:
		result.Reason = a.told.remark
	case result.Outcome == Unconfirmed && result.Queued:
		result.Reason = "It was queued, and no post-back says that it arrived."
	case result.Outcome == Unconfirmed && a.wasReset && a.call == certainlyNot:
		result.Reason = "It may have been sent before the workflow was reset; not since: " + a.reason
	case result.Outcome == Unconfirmed:
		result.Reason = a.reason
	}
	return result
}
