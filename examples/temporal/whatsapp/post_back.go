package whatsapp

import (
	"context"
	"errors"
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

// PostBackHandler hands each post-back on to its workflow. The token is the secret in the
// URL's path: see [zixflow.PostBackHandler]. One that the server did not take is answered
// with 500, for Zixflow to post it again.
func PostBackHandler(token string, server client.Client) (http.Handler, error) {
	return zixflow.PostBackHandler(token, func(ctx context.Context, postBack zixflow.PostBack) error {
		run, workflowID, isOurs := parsePostBackData(postBack.PostBackData)
		if !isOurs {
			return nil // it would come again and again
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
