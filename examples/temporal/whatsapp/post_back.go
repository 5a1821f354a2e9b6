package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"zixflow.example/go/zixflow"
)

const postBackSignal = "post-back"

// PostBack is the signal by which a workflow hears of its message.
type PostBack struct {
	Run       string `json:"run"`
	Status    string `json:"status"`
	Rank      int    `json:"rank"`
	IsFailure bool   `json:"is_failure,omitempty"`
	Remark    string `json:"remark,omitempty"`
	RequestID string `json:"request_id"`
	StatusAt  string `json:"status_at,omitempty"`
}

// signalWithin is for the server to take a signal; then the post-back is to come again.
const signalWithin = 5 * time.Second

// longestID is what a Temporal server takes, unless it is configured otherwise.
const longestID = 1000

// CheckID says whether a workflow of that ID can be found by its post-backs: the SDK sends
// the ID as a gRPC header too, which has only visible ASCII and spaces.
func CheckID(workflowID string) error {
	isForeign := func(c rune) bool { return c < ' ' || c > '~' }
	if workflowID == "" || len(workflowID) > longestID || strings.ContainsFunc(workflowID, isForeign) {
		return fmt.Errorf("the workflow ID %.100q cannot be used: make it of 1 to %d characters of ASCII, none of them a control character", workflowID, longestID)
	}
	return nil
}

// PostBackHandler hands each post-back on to its workflow. The token is the secret in the
// URL's path: see [zixflow.PostBackHandler]. One that the server did not take is responded to
// with 500, for Zixflow to post it again; one that it never will, with 422.
func PostBackHandler(token string, server client.Client) (http.Handler, error) {
	return zixflow.PostBackHandler(token, func(ctx context.Context, postBack zixflow.PostBack) error {
		run, workflowID, isOurs := parsePostBackData(postBack.PostBackData)
		if !isOurs {
			return nil // it would come again and again
		}
		if err := CheckID(workflowID); err != nil {
			return fmt.Errorf("%w: %w", zixflow.ErrPostBackRefused, err)
		}
		ctx, cancel := context.WithTimeout(ctx, signalWithin)
		defer cancel()
		err := server.SignalWorkflow(ctx, workflowID, "", postBackSignal, PostBack{
			Run:       run,
			Status:    postBack.Status,
			Rank:      postBack.Rank,
			IsFailure: postBack.IsFailure,
			Remark:    postBack.Remark,
			RequestID: postBack.RequestID,
			StatusAt:  postBack.StatusAt,
		})
		if gone := (*serviceerror.NotFound)(nil); errors.As(err, &gone) {
			return nil // the workflow is over, or never was
		}
		if invalid := (*serviceerror.InvalidArgument)(nil); errors.As(err, &invalid) {
			return fmt.Errorf("%w: %w", zixflow.ErrPostBackRefused, err)
		}
		return err
	})
}

// postBackData is how a post-back finds its workflow. A run's ID has no slash.
func postBackData(run, workflowID string) string {
	return run + "/" + workflowID
}

func parsePostBackData(data string) (run, workflowID string, isOurs bool) {
	run, workflowID, isOurs = strings.Cut(data, "/")
	return run, workflowID, isOurs && run != "" && workflowID != ""
}
