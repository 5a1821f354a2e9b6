package whatsapp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"path"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"zixflow.example/go/zixflow"
)

const postBackURL = "http://127.0.0.1:1/post-backs/a-token-that-nobody-guesses"

// api is one that responds to every request in the same way, and counts them.
type api struct {
	*httptest.Server
	requests atomic.Int32
	last     atomic.Value // of map[string]any
}

func responding(t *testing.T, response http.HandlerFunc) *api {
	a := &api{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.requests.Add(1)
		body, _ := io.ReadAll(r.Body)
		var message map[string]any
		json.Unmarshal(body, &message)
		a.last.Store(message)
		response(w, r)
	}))
	t.Cleanup(a.CloseClientConnections)
	return a
}

func status(code int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if len(headers) > 0 {
			w.Header().Set(headers[0], headers[1])
		}
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

func silence(_ http.ResponseWriter, r *http.Request) {
	<-r.Context().Done()
}

func senderTo(t *testing.T, url string) *Sender {
	client, err := zixflow.New("key", "workspace", zixflow.WithBaseURL(url))
	require.NoError(t, err)
	t.Cleanup(func() { client.Close() })
	return &Sender{Client: client, PostBackURL: postBackURL, Timeout: time.Second}
}

// send runs the activity once, on a worker that stops when ctx is done.
func send(t *testing.T, ctx context.Context, sender *Sender, message zixflow.ReplyButtons, call int) (Receipt, error) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	env.RegisterActivity(sender)
	value, err := env.ExecuteActivity(sender.Send, message, call)
	var receipt Receipt
	if err == nil {
		require.NoError(t, value.Get(&receipt))
	}
	return receipt, err
}

func TestEachStatusHasItsPlace(t *testing.T) {
	nowhere := httptest.NewServer(nil)
	nowhere.Close()
	invalid := question.Message
	invalid.Recipient = "12"
	for name, one := range map[string]struct {
		response  http.HandlerFunc
		message   *zixflow.ReplyButtons
		status    string
		notQueued bool
		retryable bool
		atLeast   time.Duration
		requests  int32
	}{
		"busy with a delay":    {status(429, `{"success":false,"message":"later"}`, "Retry-After", "7"), nil, "busy", true, true, 7 * time.Second, 1},
		"busy without":         {status(503, `{"success":false,"message":"later"}`), nil, "busy", true, true, time.Second, 1},
		"rejected for now":     {status(500, `{"success":false,"message":"broken"}`), nil, "rejected", true, true, time.Second, 1},
		"rejected":             {status(400, `{"success":false,"message":"no"}`), nil, "rejected", true, false, 0, 1},
		"unauthorized":         {status(401, `{"success":false,"message":"who?"}`), nil, "unauthorized", true, false, 0, 1},
		"a gateway's page":     {status(502, `<html>`), nil, "outcome_unknown", false, false, 0, 1},
		"no response":          {silence, nil, "outcome_unknown", false, false, 0, 1},
		"no API":               {nil, nil, "not_sent", true, true, time.Second, 0},
		"an invalid recipient": {status(200, `{"success":true}`), &invalid, "invalid_message", true, false, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, requests := nowhere.URL, func() int32 { return 0 }
			if one.response != nil {
				api := responding(t, one.response)
				url, requests = api.URL, api.requests.Load
			}
			message := question.Message
			if one.message != nil {
				message = *one.message
			}
			_, err := send(t, context.Background(), senderTo(t, url), message, 1)
			failure, applied := failureOf(t, err)
			require.Equal(t, one.status, failure.Status)
			require.Equal(t, one.status, applied.Type())
			require.Equal(t, one.notQueued, failure.NotQueued)
			require.Equal(t, one.retryable, !applied.NonRetryable())
			require.NotEmpty(t, failure.Reason)
			if one.retryable {
				require.GreaterOrEqual(t, applied.NextRetryDelay(), one.atLeast)
				require.Less(t, applied.NextRetryDelay(), one.atLeast*3/2)
			}
			require.Equal(t, one.message != nil, len(failure.Problems) > 0)
			require.Equal(t, one.requests, requests(), "the library is not to retry by itself")
		})
	}
}

func failureOf(t *testing.T, err error) (Failure, *temporal.ApplicationError) {
	var applied *temporal.ApplicationError
	require.ErrorAs(t, err, &applied)
	var failure Failure
	require.NoError(t, applied.Details(&failure))
	return failure, applied
}

func TestQueuedMessageHasItsPostBackURLAndData(t *testing.T) {
	api := responding(t, status(202, `{"success":true,"message":"queued","request_id":"r-1"}`))
	message := question.Message
	message.PostBackURL = "http://elsewhere.example/"
	message.PostBackData = "run/workflow"
	receipt, err := send(t, context.Background(), senderTo(t, api.URL), message, 1)
	require.NoError(t, err)
	require.Equal(t, Receipt{RequestID: "r-1"}, receipt)
	sent := api.last.Load().(map[string]any)
	require.Equal(t, postBackURL, sent["post_back_url"])
	require.Equal(t, "run/workflow", sent["post_back_data"])
}

func TestReasonDoesNotTellThePostBackURL(t *testing.T) {
	api := responding(t, status(400, `{"success":false,"message":"post_back_url `+postBackURL+` is not reachable"}`))
	_, err := send(t, context.Background(), senderTo(t, api.URL), question.Message, 1)
	failure, _ := failureOf(t, err)
	require.Contains(t, failure.Reason, "is not reachable")
	_, token := path.Split(postBackURL)
	require.NotContains(t, failure.Reason, token)
	require.NotContains(t, err.Error(), token)
}

func TestPausesGrowAndNeverUndercutTheAPI(t *testing.T) {
	for call, least := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 7: longestPause, 1 << 40: longestPause} {
		for range 100 {
			require.GreaterOrEqual(t, pause(0, call), least)
			require.Less(t, pause(0, call), least*5/4+time.Millisecond)
			require.GreaterOrEqual(t, pause(time.Second, call), least)
			require.GreaterOrEqual(t, pause(90*time.Second, call), 90*time.Second)
			require.GreaterOrEqual(t, pause(math.MaxInt64/10*9, call), time.Duration(math.MaxInt64/10*9))
			require.EqualValues(t, math.MaxInt64, pause(math.MaxInt64, call))
		}
	}
}

func TestSecondAttemptSendsNothing(t *testing.T) {
	api := responding(t, status(429, `{"success":false,"message":"later"}`))
	sender := senderTo(t, api.URL)
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	giveTime(env)
	env.RegisterActivity(sender)
	careless := func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			StartToCloseTimeout: time.Minute,
			RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 3},
		})
		return workflow.ExecuteActivity(ctx, sender.Send, question.Message, 1).Get(ctx, nil)
	}
	env.RegisterWorkflow(careless)
	env.ExecuteWorkflow(careless)
	failure, _ := failureOf(t, env.GetWorkflowError())
	require.Equal(t, "outcome_unknown", failure.Status)
	require.False(t, failure.NotQueued)
	require.EqualValues(t, 1, api.requests.Load())
}

func TestCancelledCallEndsWithTheStatusThatIsTrue(t *testing.T) {
	api := responding(t, silence)
	sender := senderTo(t, api.URL)
	sender.Timeout = LongestCall
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	time.AfterFunc(500*time.Millisecond, cancel)
	began := time.Now()
	_, err := send(t, ctx, sender, question.Message, 1)
	require.Less(t, time.Since(began), LongestCall/2)
	failure, applied := failureOf(t, err)
	require.Equal(t, "outcome_unknown", failure.Status)
	require.True(t, applied.NonRetryable())
	require.False(t, errors.Is(err, context.Canceled))
}

// Such as a worker's that shuts down: another one can send it.
func TestCallThatDidNotBeginCanBeTakenUpByAnotherWorker(t *testing.T) {
	api := responding(t, status(202, `{"success":true}`))
	sender := senderTo(t, api.URL)
	sender.Client.Close()
	_, err := send(t, context.Background(), sender, question.Message, 1)
	failure, applied := failureOf(t, err)
	require.Equal(t, "not_sent", failure.Status)
	require.False(t, applied.NonRetryable())
	require.Zero(t, api.requests.Load())
}

func TestHeartbeatShowsWhereTheCallIs(t *testing.T) {
	api := responding(t, silence)
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{MaxHeartbeatThrottleInterval: beatEvery})
	var beats atomic.Int32
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var progress Progress
		if details.Get(&progress) == nil && progress.Calling != "" {
			beats.Add(1)
		}
	})
	sender := senderTo(t, api.URL)
	env.RegisterActivity(sender)
	_, err := env.ExecuteActivity(sender.Send, question.Message, 1)
	require.Error(t, err)
	require.NotZero(t, beats.Load())
}
