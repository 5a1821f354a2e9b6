package main

import (
	"context"
	"fmt"
	"time"

	enums "go.temporal.io/api/enums/v1"
	history "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"zixflow.example/go/temporal/whatsapp"
)

// progress prints what happens in a workflow.
type progress struct {
	server client.Client
	run    client.WorkflowRun
	began  time.Time
}

// show returns when the workflow is over.
func (p progress) show(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go p.showHeartbeats(ctx)
	const untilItIsOver = true
	events := p.server.GetWorkflowHistory(ctx, p.run.GetID(), p.run.GetRunID(), untilItIsOver, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return err
		}
		if text := describe(event); text != "" {
			p.print(event.GetEventTime().AsTime(), text)
		}
	}
	return nil
}

// showHeartbeats shows where a call is that takes its time.
func (p progress) showHeartbeats(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		described, err := p.server.DescribeWorkflowExecution(ctx, p.run.GetID(), p.run.GetRunID())
		if err != nil {
			continue // the history tells of it, if it stays so
		}
		for _, call := range described.GetPendingActivities() {
			var heartbeat whatsapp.Progress
			if converter.GetDefaultDataConverter().FromPayloads(call.GetHeartbeatDetails(), &heartbeat) == nil && heartbeat.Calling != "" {
				p.print(call.GetLastHeartbeatTime().AsTime(), fmt.Sprintf("%s has been calling for %s", call.GetLastWorkerIdentity(), heartbeat.Calling))
			}
		}
	}
}

func (p progress) print(at time.Time, text string) {
	fmt.Printf("%6.2fs  %s\n", max(at.Sub(p.began), 0).Seconds(), text)
}

// describe says what an event tells of the message, if it does.
func describe(event *history.HistoryEvent) string {
	switch event.GetEventType() {
	case enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		return "to be sent"
	case enums.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
		return "queued by the API"
	case enums.EVENT_TYPE_ACTIVITY_TASK_FAILED:
		failure := event.GetActivityTaskFailedEventAttributes().GetFailure()
		return failure.GetApplicationFailureInfo().GetType() + ": " + failure.GetMessage()
	case enums.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
		return "the call's worker was lost, or there was none"
	case enums.EVENT_TYPE_TIMER_STARTED:
		return fmt.Sprintf("waiting, %v at most", event.GetTimerStartedEventAttributes().GetStartToFireTimeout().AsDuration().Round(time.Millisecond))
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
		var postBack whatsapp.PostBack
		input := event.GetWorkflowExecutionSignaledEventAttributes().GetInput()
		if err := converter.GetDefaultDataConverter().FromPayloads(input, &postBack); err != nil {
			return "a signal that cannot be read: " + err.Error()
		}
		return "post-back: " + postBack.Status
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
		return "to be cancelled"
	}
	return ""
}
