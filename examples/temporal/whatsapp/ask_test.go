package whatsapp

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"zixflow.example/go/zixflow"
)

var question = Question{
	Message: zixflow.ReplyButtons{
		Recipient: "15550100001",
		PhoneID:   "1234567890",
		Body:      "Is 6 pm fine?",
		Buttons:   []zixflow.Button{{ID: "yes", Title: "Yes"}, {ID: "no", Title: "No"}},
	},
	Until:      Delivered,
	SendWithin: time.Minute,
	WaitFor:    time.Hour,
}

const testRun = "the-run"

// rehearsal is an Ask whose calls end as given, and what it did.
type rehearsal struct {
	*testsuite.TestWorkflowEnvironment
	adapt func(*workflow.Info)
	takes time.Duration // each call
	calls []time.Time   // when each was over
	data  []string      // by which each one's post-backs find the workflow
}

// giveTime gives a test the time that a busy machine takes for it: the SDK's own limits are 3 s and 1 s.
func giveTime(env *testsuite.TestWorkflowEnvironment) {
	env.SetTestTimeout(time.Minute)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute})
}

// rehearse returns an Ask whose calls end as given, the last one's way for all that follow.
func rehearse(t *testing.T, ends ...error) *rehearsal {
	var suite testsuite.WorkflowTestSuite
	r := &rehearsal{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), adapt: func(*workflow.Info) {}}
	giveTime(r.TestWorkflowEnvironment)
	r.RegisterActivity(&Sender{})
	r.OnActivity((*Sender)(nil).Send, mock.Anything, mock.Anything, mock.Anything).Maybe().AfterFn(func() time.Duration { return r.takes }).Return(
		func(_ context.Context, message zixflow.ReplyButtons, call int) (Receipt, error) {
			r.calls = append(r.calls, r.Now())
			r.data = append(r.data, message.PostBackData)
			require.Equal(t, len(r.calls), call)
			err := ends[min(call, len(ends))-1]
			if err == errPanic {
				panic("after the call")
			}
			return Receipt{RequestID: "r"}, err
		})
	return r
}

// run runs Ask in what the environment lacks: an original run, and a start in the past.
func (r *rehearsal) run(question Question) {
	r.ExecuteWorkflow(func(ctx workflow.Context, question Question) (Result, error) {
		info := *workflow.GetInfo(ctx)
		info.WorkflowExecution.RunID, info.OriginalRunID = testRun, testRun
		r.adapt(&info)
		return ask(ctx, question, &info)
	}, question)
}

func (r *rehearsal) result(t *testing.T, question Question) Result {
	r.run(question)
	require.True(t, r.IsWorkflowCompleted())
	require.NoError(t, r.GetWorkflowError())
	var result Result
	require.NoError(t, r.GetWorkflowResult(&result))
	return result
}

// tell has post-backs come, each so long after the start.
func (r *rehearsal) tell(after time.Duration, postBacks ...PostBack) {
	r.RegisterDelayedCallback(func() {
		for _, postBack := range postBacks {
			postBack.Run = testRun
			r.SignalWorkflow(postBackSignal, postBack)
		}
	}, after)
}

var (
	sent      = PostBack{Status: "sent", Rank: 1, RequestID: "r"}
	delivered = PostBack{Status: "delivered", Rank: 2, RequestID: "r"}
	read      = PostBack{Status: "read", Rank: 3, RequestID: "r"}
	clicked   = PostBack{Status: "clicked", Rank: 4, RequestID: "r"}
	failed    = PostBack{Status: "failed", IsFailure: true, Remark: "no such number", RequestID: "r"}
	unheardOf = PostBack{Status: "pinned", RequestID: "r"}
)

func refusal(status string, retryAfter ...time.Duration) error {
	failure := Failure{Status: status, Reason: "because", NotQueued: true}
	if len(retryAfter) > 0 {
		return fail(failure, &retryAfter[0])
	}
	return fail(failure, nil)
}

var unknown = fail(Failure{Status: "outcome_unknown", Reason: "no response"}, nil)

var errPanic = errors.New("the call panics")

// What Temporal would try again by itself, given a retry policy, may have been sent.
var lost = map[string]error{
	"heartbeat timeout":      temporal.NewHeartbeatTimeoutError(),
	"start-to-close timeout": temporal.NewTimeoutError(enums.TIMEOUT_TYPE_START_TO_CLOSE, nil),
	"an error of the SDK":    temporal.NewApplicationError("unable to encode the result", "wrapError"),
	"one with other details": temporal.NewApplicationErrorWithOptions("x", "y", temporal.ApplicationErrorOptions{Details: []any{map[string]any{"not_queued": true}}}),
	"one without a type":     errors.New("x"),
	"a panic":                errPanic,
}

func TestLostCallIsNeverRepeatedAndSettledByItsPostBack(t *testing.T) {
	for name, err := range lost {
		t.Run(name, func(t *testing.T) {
			r := rehearse(t, err)
			r.tell(20*time.Minute, delivered)
			result := r.result(t, question)
			require.Equal(t, Result{Outcome: Delivered, Queued: true, Calls: 1, RequestID: "r"}, result)
			require.Len(t, r.calls, 1)

			r = rehearse(t, err)
			result = r.result(t, question)
			require.Equal(t, Unconfirmed, result.Outcome)
			require.False(t, result.Queued)
			require.Contains(t, result.Reason, "lost")
			require.Len(t, r.calls, 1)
		})
	}
}

func TestUnknownOutcomeIsSettledByItsPostBackAlone(t *testing.T) {
	r := rehearse(t, unknown)
	r.tell(59*time.Minute, delivered)
	require.Equal(t, Result{Outcome: Delivered, Queued: true, Call: "outcome_unknown", Calls: 1, RequestID: "r"}, r.result(t, question))

	r = rehearse(t, unknown)
	r.tell(30*time.Minute, sent)
	result := r.result(t, question)
	require.Equal(t, Unconfirmed, result.Outcome)
	require.True(t, result.Queued, "a post-back of any status says so")

	r = rehearse(t, unknown)
	r.tell(61*time.Minute, delivered)
	require.Equal(t, Result{Outcome: Unconfirmed, Reason: "no response", Call: "outcome_unknown", Calls: 1}, r.result(t, question))
}

func TestDefiniteRefusalEndsAtOnce(t *testing.T) {
	for _, status := range []string{"invalid_argument", "invalid_message", "unauthorized", "rejected", "not_sent"} {
		r := rehearse(t, refusal(status))
		began := r.Now()
		require.Equal(t, Result{Outcome: NotSent, Reason: "because", Call: status, Calls: 1}, r.result(t, question))
		require.WithinDuration(t, began, r.Now(), time.Second)
	}
}

func TestRetryableRefusalIsTriedAgainAfterTheDelayThatItNames(t *testing.T) {
	r := rehearse(t, refusal("busy", 7*time.Second), refusal("not_sent", 20*time.Second), nil)
	r.tell(time.Minute, delivered)
	require.Equal(t, Result{Outcome: Delivered, Queued: true, Call: "ok", Calls: 3, RequestID: "r"}, r.result(t, question))
	require.GreaterOrEqual(t, r.calls[1].Sub(r.calls[0]), 7*time.Second)
	require.GreaterOrEqual(t, r.calls[2].Sub(r.calls[1]), 20*time.Second)
	require.Equal(t, slices.Repeat(r.data[:1], 3), r.data, "it is one message, whichever call was queued")
}

func TestBusyAPIIsLeftWhenTheTimeToSendIsOver(t *testing.T) {
	r := rehearse(t, refusal("busy", 25*time.Second))
	began := r.Now()
	require.Equal(t, Result{Outcome: NotSent, Reason: "because", Call: "busy", Calls: 3}, r.result(t, question))
	require.Less(t, r.Now().Sub(began), question.SendWithin)
}

func TestNothingIsSentWhenTheTimeIsOver(t *testing.T) {
	question := question
	question.SendWithin = -time.Second
	r := rehearse(t, nil)
	result := r.result(t, question)
	require.Equal(t, NotSent, result.Outcome)
	require.NotEmpty(t, result.Reason)
	require.Empty(t, r.calls)
}

// The first worker came only when it was too late, or in the middle of the time.
func TestTimeToSendCountsFromTheStart(t *testing.T) {
	r := rehearse(t, nil)
	r.adapt = func(info *workflow.Info) { info.WorkflowStartTime = info.WorkflowStartTime.Add(-61 * time.Second) }
	result := r.result(t, question)
	require.Equal(t, NotSent, result.Outcome)
	require.NotEmpty(t, result.Reason)
	require.Empty(t, r.calls)

	r = rehearse(t, refusal("busy", 25*time.Second))
	r.adapt = func(info *workflow.Info) { info.WorkflowStartTime = info.WorkflowStartTime.Add(-30 * time.Second) }
	require.Equal(t, NotSent, r.result(t, question).Outcome)
	require.Len(t, r.calls, 2, "at 30 and 55 seconds")
}

// A run that begins by a reset has the start of the one before, which may have sent the
// message after the point that the reset went back to.
func TestResetWorkflowNeverSaysThatNothingWasSent(t *testing.T) {
	reset := func(r *rehearsal, ago time.Duration) {
		r.adapt = func(info *workflow.Info) {
			info.WorkflowExecution.RunID = "another"
			info.WorkflowStartTime = info.WorkflowStartTime.Add(-ago)
		}
	}
	for name, one := range map[string]struct {
		end   error
		ago   time.Duration
		calls int
	}{
		"too late to send":     {nil, time.Hour, 0},
		"refused now":          {refusal("rejected"), 0, 1},
		"no worker now":        {temporal.NewTimeoutError(enums.TIMEOUT_TYPE_SCHEDULE_TO_START, nil), 0, 0},
		"busy until the end":   {refusal("busy", time.Hour), 0, 1},
		"cancelled beforehand": {temporal.NewCanceledError(), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := rehearse(t, one.end)
			reset(r, one.ago)
			result := r.result(t, question)
			require.Equal(t, Unconfirmed, result.Outcome)
			require.False(t, result.Queued)
			require.Contains(t, result.Reason, "reset")
			require.Equal(t, one.calls, result.Calls)

			r = rehearse(t, one.end)
			reset(r, one.ago)
			r.tell(30*time.Minute, delivered)
			require.Equal(t, Delivered, r.result(t, question).Outcome)
		})
	}
}

func TestWorkflowThatNoPostBackWouldFindIsRefused(t *testing.T) {
	for _, id := range impossibleIDs {
		r := rehearse(t, nil)
		r.adapt = func(info *workflow.Info) { info.WorkflowExecution.ID = id }
		r.run(question)
		require.ErrorContains(t, r.GetWorkflowError(), "InvalidQuestion", "%q", id)
		require.Empty(t, r.calls)
	}
}

func TestRetryEndsWithWhatCannotBeRepeated(t *testing.T) {
	for name, last := range lost {
		r := rehearse(t, refusal("busy", time.Second), last)
		require.Equal(t, Unconfirmed, r.result(t, question).Outcome, name)
		require.Len(t, r.calls, 2)
	}
}

func TestMessageThatNoWorkerTookWasNotSent(t *testing.T) {
	r := rehearse(t, temporal.NewTimeoutError(enums.TIMEOUT_TYPE_SCHEDULE_TO_START, nil))
	result := r.result(t, question)
	require.Equal(t, NotSent, result.Outcome)
	require.Equal(t, 0, result.Calls)
}

func TestPostBackIsTakenBeforeTheCallIsOver(t *testing.T) {
	r := rehearse(t, nil)
	r.takes = 3 * time.Second
	r.tell(time.Second, delivered)
	began := r.Now()
	require.Equal(t, Delivered, r.result(t, question).Outcome)
	require.Less(t, r.Now().Sub(began), question.WaitFor)
}

func TestPostBackEndsTheCallsWhateverTheySaid(t *testing.T) {
	for name, one := range map[string]struct {
		tell  time.Duration
		end   error
		calls int
	}{
		"in a call":               {time.Second, refusal("busy", 7*time.Second), 1},
		"in a pause":              {5 * time.Second, refusal("busy", 7*time.Second), 1},
		"in the second pause":     {15 * time.Second, refusal("busy", 7*time.Second), 2},
		"before a last refusal":   {time.Second, refusal("rejected"), 1},
		"before the last pause":   {time.Second, refusal("busy", time.Hour), 1},
		"before a pause too long": {time.Second, refusal("busy", 1<<63-1), 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := rehearse(t, one.end)
			r.takes = 3 * time.Second
			r.tell(one.tell, delivered)
			result := r.result(t, question)
			require.Equal(t, Delivered, result.Outcome)
			require.True(t, result.Queued)
			require.Len(t, r.calls, one.calls)
		})
	}
}

func TestQuestionThatCannotBeAskedIsRefused(t *testing.T) {
	for name, question := range map[string]Question{
		"until":       {Until: "sent"},
		"send within": {SendWithin: LongestSendWithin + 1},
	} {
		r := rehearse(t, nil)
		r.run(question)
		require.ErrorContains(t, r.GetWorkflowError(), "InvalidQuestion", name)
		require.Empty(t, r.calls)
	}
}

func TestPostBackOfAnotherRunIsNotTaken(t *testing.T) {
	r := rehearse(t, nil)
	r.RegisterDelayedCallback(func() {
		other := delivered
		other.Run = "another"
		r.SignalWorkflow(postBackSignal, other)
	}, time.Second)
	require.Equal(t, Unconfirmed, r.result(t, question).Outcome)
}

// In every order, each once and each twice.
func TestOrderAndNumberOfPostBacksChangeNothing(t *testing.T) {
	for _, one := range []struct {
		postBacks []PostBack
		outcome   Outcome
	}{
		{[]PostBack{sent, unheardOf}, Unconfirmed},
		{[]PostBack{sent, delivered}, Delivered},
		{[]PostBack{sent, delivered, read}, Read},
		{[]PostBack{sent, delivered, read, clicked}, Clicked},
	} {
		question := question
		question.Until = Clicked
		for _, twice := range []bool{false, true} {
			all := one.postBacks
			if twice && len(all) < 4 {
				all = append(slices.Clone(all), all...)
			}
			for order := range permutations(all) {
				r := rehearse(t, nil)
				for i, postBack := range order {
					r.tell(time.Duration(i)*time.Second, postBack)
				}
				require.Equal(t, one.outcome, r.result(t, question).Outcome, "%v", order)
			}
		}
	}
}

// permutations yields each order of the elements.
func permutations(all []PostBack) func(yield func([]PostBack) bool) {
	return func(yield func([]PostBack) bool) {
		var from func(fixed int) bool
		all := slices.Clone(all)
		from = func(fixed int) bool {
			if fixed == len(all) {
				return yield(slices.Clone(all))
			}
			for i := fixed; i < len(all); i++ {
				all[fixed], all[i] = all[i], all[fixed]
				if !from(fixed + 1) {
					return false
				}
				all[fixed], all[i] = all[i], all[fixed]
			}
			return true
		}
		from(0)
	}
}

func TestFailureEndsTheWaitUnlessTheMessageWasDelivered(t *testing.T) {
	r := rehearse(t, nil)
	r.tell(time.Second, sent, failed, failed)
	began := r.Now()
	require.Equal(t, Result{Outcome: Failed, Reason: "no such number", Queued: true, Call: "ok", Calls: 1, RequestID: "r"}, r.result(t, question))
	require.Less(t, r.Now().Sub(began), question.WaitFor)

	question := question
	question.Until = Clicked
	r = rehearse(t, nil)
	r.tell(time.Second, delivered)
	r.tell(2*time.Second, failed)
	require.Equal(t, Delivered, r.result(t, question).Outcome)
}

func TestWaitEndsWithWhatTheCallerWaitsFor(t *testing.T) {
	for until, told := range map[Outcome]PostBack{Delivered: delivered, Read: read, Clicked: clicked, "": clicked} {
		question := question
		question.Until = until
		r := rehearse(t, nil)
		r.tell(time.Second, told)
		r.tell(2*time.Second, clicked)
		require.Equal(t, Outcome(told.Status), r.result(t, question).Outcome)
	}

	question := question
	question.Until = "sent"
	r := rehearse(t, nil)
	r.run(question)
	require.ErrorContains(t, r.GetWorkflowError(), `Until is "sent"`)
	require.Empty(t, r.calls)
}

func TestCancelledWorkflowSaysWhatIsTrueOfItsMessage(t *testing.T) {
	for name, one := range map[string]struct {
		end     error
		outcome Outcome
	}{
		"in the pause between two calls": {refusal("busy", 30*time.Second), NotSent},
		"in the wait for a post-back":    {nil, Unconfirmed},
		"after an unknown outcome":       {unknown, Unconfirmed},
	} {
		t.Run(name, func(t *testing.T) {
			r := rehearse(t, one.end)
			r.RegisterDelayedCallback(r.CancelWorkflow, 10*time.Second)
			began := r.Now()
			r.run(question)
			var canceled *temporal.CanceledError
			require.ErrorAs(t, r.GetWorkflowError(), &canceled)
			var result Result
			require.NoError(t, canceled.Details(&result))
			require.Equal(t, one.outcome, result.Outcome)
			require.Equal(t, one.end == nil, result.Queued)
			require.Len(t, r.calls, 1)
			require.Less(t, r.Now().Sub(began), 11*time.Second)
		})
	}
}
