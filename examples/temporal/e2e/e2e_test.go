//go:build e2e

// Package e2e shows on a real server, with workers as processes of their own and against
// the sandbox, that no message is sent twice and no workflow is lost.
package e2e

import (
	"context"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"zixflow.example/go/temporal/whatsapp"
	"zixflow.example/go/zixflow"
)

var (
	server *devserver
	posted *relay
	logs   string // the workers'
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if logs, err = os.MkdirTemp("", "workers-"); err != nil {
		log.Print(err)
		return 1
	}
	posted = startRelay()
	defer posted.Close()
	if server, err = startDevserver(); err != nil {
		log.Print(err)
		return 1
	}
	defer server.stop()
	code := m.Run()
	if code == 0 {
		os.RemoveAll(logs)
	} else {
		log.Print("what the workers said is in ", logs)
	}
	return code
}

// ends is what a workflow ends with that asks one of the sandbox's recipients.
type ends struct {
	recipient string
	outcome   whatsapp.Outcome
	call      string
	calls     int
	accepted  int
}

var table = []ends{
	{"15550100001", whatsapp.Delivered, "ok", 1, 1},
	{"15550100002", whatsapp.Failed, "ok", 1, 1},
	{"15550100003", whatsapp.NotSent, "unauthorized", 1, 0},
	{"15550100004", whatsapp.NotSent, "rejected", 1, 0},
	{"15550100005", whatsapp.Delivered, "ok", 2, 1},
	{"15550100006", whatsapp.NotSent, "busy", 0, 0}, // as often as the time allows
	{"15550100007", whatsapp.Unconfirmed, "outcome_unknown", 1, 0},
	{"15550100008", whatsapp.Unconfirmed, "outcome_unknown", 1, 0},
	{"15550100009", whatsapp.Delivered, "outcome_unknown", 1, 1},
	{"15550100010", whatsapp.Delivered, "ok", 1, 1},
	{"15550100011", whatsapp.NotSent, "rejected", 1, 0},
	{"15550100012", whatsapp.NotSent, "busy", 0, 0},
	{"15550100013", whatsapp.Delivered, "ok", 1, 1},
	{"15550100014", whatsapp.Delivered, "ok", 1, 1},
	{"15550100015", whatsapp.Read, "ok", 1, 1},
	{"15550100016", whatsapp.Delivered, "ok", 1, 1},
}

// questionTo is one that waits until the message has got as far as it ever does.
func questionTo(recipient string, sendWithin, waitFor time.Duration) whatsapp.Question {
	question := whatsapp.Question{
		Message: zixflow.ReplyButtons{
			Recipient: recipient,
			PhoneID:   "1234567890",
			Body:      "Is 6 pm fine?",
			Buttons:   []zixflow.Button{{ID: "yes", Title: "Yes"}, {ID: "no", Title: "No"}},
		},
		Until:      whatsapp.Delivered,
		SendWithin: sendWithin,
		WaitFor:    waitFor,
	}
	if recipient == "15550100015" {
		question.Until = whatsapp.Read
	}
	return question
}

func ask(t testing.TB, id, recipient string, sendWithin, waitFor time.Duration) client.WorkflowRun {
	options := client.StartWorkflowOptions{ID: id, TaskQueue: whatsapp.TaskQueue}
	run, err := server.ExecuteWorkflow(t.Context(), options, whatsapp.Ask, questionTo(recipient, sendWithin, waitFor))
	require.NoError(t, err)
	return run
}

// askTheTable asks each recipient, and sees to it that each ends as the table has it.
func askTheTable(t *testing.T, sendWithin, waitFor time.Duration) {
	ctx := within(t, time.Minute)
	var runs []client.WorkflowRun
	for _, expected := range table {
		runs = append(runs, ask(t, t.Name()+"/"+expected.recipient, expected.recipient, sendWithin, waitFor))
	}
	for i, expected := range table {
		result, err := whatsapp.ResultOf(ctx, runs[i])
		if err != nil {
			t.Log(historyOf(t, context.Background(), runs[i]).text)
		}
		require.NoError(t, err)
		t.Logf("%s: %+v", expected.recipient, result)
		require.Equal(t, expected.outcome, result.Outcome)
		require.Equal(t, expected.call, result.Call)
		require.Equal(t, expected.accepted, posted.acceptances(runs[i]))
		require.Equal(t, expected.accepted > 0, result.Queued)
		switch expected.calls {
		case 0:
			require.Greater(t, result.Calls, 1)
		default:
			require.Equal(t, expected.calls, result.Calls)
		}
	}
}

func TestEachRecipientEndsAsItShould(t *testing.T) {
	receiver := freeAddress(t)
	defer posted.to([]string{receiver}, 1, 0)()
	startWorker(t, receiver, "-call-timeout=3s")
	askTheTable(t, 5*time.Second, 6*time.Second)
}

// Post-backs come five seconds late, each twice, in any order.
func TestOutcomesAreTheSameWhateverBecomesOfThePostBacks(t *testing.T) {
	receiver := freeAddress(t)
	defer posted.to([]string{receiver}, 2, time.Second)()
	startWorker(t, "off", "-call-timeout=3s")
	const down = 5 * time.Second
	time.AfterFunc(down, func() { startWorker(t, receiver, "-call-timeout=3s") })
	began := time.Now()
	askTheTable(t, 5*time.Second, 12*time.Second)
	require.Greater(t, time.Since(began), down)
}

// Every second, or as soon as they call again, one of two workers is killed.
func TestKilledWorkersSendNothingTwiceAndLoseNothing(t *testing.T) {
	const workflows, kills = 300, 10
	receivers := []string{freeAddress(t), freeAddress(t)}
	defer posted.to(receivers, 1, 0)()
	var workers []*worker
	for _, receiver := range receivers {
		workers = append(workers, startWorker(t, receiver, "-call-timeout=3s"))
	}
	var runs []client.WorkflowRun
	for kill := range kills {
		began := time.Now()
		for range workflows / kills {
			recipient := table[len(runs)%len(table)].recipient
			runs = append(runs, ask(t, fmt.Sprintf("%s/%03d", t.Name(), len(runs)), recipient, time.Minute, 15*time.Second))
		}
		// The calls are under way once the first of them is heard of: some take two seconds.
		latest := runs[len(runs)-workflows/kills:]
		require.Eventually(t, func() bool {
			return slices.ContainsFunc(latest, func(run client.WorkflowRun) bool { return posted.acceptances(run) > 0 })
		}, time.Minute, 10*time.Millisecond)
		time.Sleep(time.Until(began.Add(time.Second)))
		workers[kill%2].kill()
		workers[kill%2].start()
	}

	ctx := within(t, 4*time.Minute)
	var results []whatsapp.Result
	for _, run := range runs {
		result, err := whatsapp.ResultOf(ctx, run)
		require.NoError(t, err, run.GetID())
		results = append(results, result)
	}
	counts, lost := map[string]int{}, 0
	for i, result := range results {
		accepted := posted.acceptances(runs[i])
		of := fmt.Sprintf("%s, to %s, accepted %d times: %+v", runs[i].GetID(), table[i%len(table)].recipient, accepted, result)
		counts[string(result.Outcome)]++
		if result.Call == "" && result.Calls > 0 {
			lost++
			counts["of a lost worker, "+string(result.Outcome)]++
		}
		require.LessOrEqual(t, accepted, 1, of)
		switch result.Outcome {
		case whatsapp.NotSent, whatsapp.Unconfirmed: // of the latter, because each post-back is posted until it is taken
			require.Zero(t, accepted, of)
		default:
			require.Equal(t, 1, accepted, of)
		}
	}
	t.Logf("%d workflows ended, %d kills: %v", len(results), kills, counts)
	require.NotZero(t, lost, "no kill fell into a call: nothing was shown")
}

func TestCancelledWorkflowEndsItsCallWithTheStatusThatIsTrue(t *testing.T) {
	startWorker(t, "off")
	for _, one := range []struct {
		recipient string
		after     time.Duration
		call      string
		outcome   whatsapp.Outcome
	}{
		{"15550100008", 1500 * time.Millisecond, "outcome_unknown", whatsapp.Unconfirmed}, // in the call
		{"15550100006", 1500 * time.Millisecond, "busy", whatsapp.NotSent},                // in a pause
	} {
		ctx := within(t, time.Minute)
		run := ask(t, t.Name()+"/"+one.recipient, one.recipient, time.Minute, time.Minute)
		time.Sleep(one.after)
		require.NoError(t, server.CancelWorkflow(ctx, run.GetID(), run.GetRunID()))
		result, err := whatsapp.ResultOf(ctx, run)
		require.NoError(t, err)
		require.Equal(t, one.outcome, result.Outcome)
		require.Equal(t, one.call, result.Call)
		var canceled *temporal.CanceledError
		require.ErrorAs(t, run.Get(ctx, nil), &canceled)

		history := historyOf(t, ctx, run)
		requested := history.time(enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED)
		took := history.time(enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED).Sub(requested)
		t.Logf("%s: cancelled within %v", one.recipient, took)
		require.Less(t, took, time.Second)
		require.Contains(t, history.text, one.call)
		for _, secret := range []string{"sandbox-key", token} {
			require.NotContains(t, history.text, secret)
		}
	}
}

func TestWorkerThatShutsDownLetsItsCallsEnd(t *testing.T) {
	receiver := freeAddress(t)
	defer posted.to([]string{receiver}, 1, 0)()
	first := startWorker(t, receiver)
	const takesTwoSeconds = "15550100010"
	run := ask(t, t.Name(), takesTwoSeconds, time.Minute, time.Minute)
	time.Sleep(time.Second)
	require.NoError(t, first.shutDown())
	startWorker(t, receiver)
	result, err := whatsapp.ResultOf(within(t, time.Minute), run)
	require.NoError(t, err)
	require.Equal(t, "ok", result.Call)
	require.Equal(t, whatsapp.Delivered, result.Outcome)
	require.Equal(t, 1, result.Calls)
}

// The first worker comes when the time to send is over.
func TestQuestionIsNotAskedTooLate(t *testing.T) {
	run := ask(t, t.Name(), "15550100001", 2*time.Second, time.Minute)
	time.Sleep(4 * time.Second)
	startWorker(t, "off")
	result, err := whatsapp.ResultOf(within(t, time.Minute), run)
	require.NoError(t, err)
	require.Equal(t, whatsapp.NotSent, result.Outcome)
	require.Equal(t, 0, posted.acceptances(run))
}

// Of a workflow that somebody gave a retry policy and a timeout.
func TestWorkflowThatIsRunAgainSendsNothing(t *testing.T) {
	startWorker(t, "off")
	ctx := within(t, time.Minute)
	run, err := server.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                 t.Name(),
		TaskQueue:          whatsapp.TaskQueue,
		WorkflowRunTimeout: 2 * time.Second,
		RetryPolicy:        &temporal.RetryPolicy{MaximumAttempts: 3},
	}, whatsapp.Ask, questionTo("15550100001", time.Minute, time.Minute))
	require.NoError(t, err)
	first := server.GetWorkflow(ctx, run.GetID(), run.GetRunID())
	_, err = whatsapp.ResultOf(ctx, run)
	require.ErrorContains(t, err, "it is not run again")
	require.Equal(t, 1, posted.acceptances(first))
}

// The message is in the part of the history that a reset keeps.
func TestResetWorkflowHearsOfItsMessage(t *testing.T) {
	receiver := freeAddress(t)
	startWorker(t, receiver)
	ctx := within(t, time.Minute)
	run := ask(t, t.Name(), "15550100001", time.Minute, time.Minute)
	require.Eventually(t, func() bool {
		return historyOf(t, ctx, run).last[enums.EVENT_TYPE_TIMER_STARTED] != nil
	}, 20*time.Second, 100*time.Millisecond)
	reset, err := server.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace:                 server.namespace,
		WorkflowExecution:         &common.WorkflowExecution{WorkflowId: run.GetID(), RunId: run.GetRunID()},
		WorkflowTaskFinishEventId: historyOf(t, ctx, run).last[enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED].GetEventId(),
		RequestId:                 t.Name(),
	})
	require.NoError(t, err)
	defer posted.to([]string{receiver}, 1, 0)()
	result, err := whatsapp.ResultOf(ctx, server.GetWorkflow(ctx, run.GetID(), reset.GetRunId()))
	require.NoError(t, err)
	require.Equal(t, whatsapp.Delivered, result.Outcome)
	require.Equal(t, 1, posted.acceptances(run))
}

// history is a workflow's, with its payloads in the clear.
type history struct {
	last map[enums.EventType]*historypb.HistoryEvent // of each type
	text string
}

func historyOf(t *testing.T, ctx context.Context, run client.WorkflowRun) history {
	h := history{last: map[enums.EventType]*historypb.HistoryEvent{}}
	var text strings.Builder
	events := server.GetWorkflowHistory(ctx, run.GetID(), run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		h.last[event.GetEventType()] = event
		fmt.Fprintf(&text, "%v\n", event)
	}
	h.text = text.String()
	return h
}

func (h history) time(event enums.EventType) time.Time {
	return h.last[event].GetEventTime().AsTime()
}
