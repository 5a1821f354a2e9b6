package whatsapp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"google.golang.org/grpc"
)

const token = "a-token-that-nobody-guesses"

// post posts one, and returns the response's status.
func post(t *testing.T, handler http.Handler, token, status, data string) int {
	body, err := json.Marshal(map[string]string{"request_id": "r", "status": status, "remark": "why", "post_back_data": data})
	require.NoError(t, err)
	request := httptest.NewRequest(http.MethodPost, "/post-backs/"+token, bytes.NewReader(body))
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder.Code
}

func TestPostBackFindsItsWorkflow(t *testing.T) {
	server := mocks.NewClient(t)
	server.On("SignalWorkflow", mock.Anything, "orders/17", "", postBackSignal, PostBack{
		Run: "run", Status: "failed", IsFailure: true, Remark: "why", RequestID: "r",
	}).Return(nil).Once()
	handler, err := PostBackHandler(token, server)
	require.NoError(t, err)
	data := postBackData("run", "orders/17")
	require.Equal(t, http.StatusNoContent, post(t, handler, token, "failed", data))
	require.Equal(t, http.StatusNotFound, post(t, handler, "another-token-that-is-wrong", "read", data))
}

func TestPostBackThatTheServerDidNotTakeIsToComeAgain(t *testing.T) {
	server := mocks.NewClient(t)
	signal := server.On("SignalWorkflow", mock.Anything, "w", "", postBackSignal, mock.Anything)
	handler, err := PostBackHandler(token, server)
	require.NoError(t, err)

	signal.Return(serviceerror.NewUnavailable("down"))
	require.Equal(t, http.StatusInternalServerError, post(t, handler, token, "read", postBackData("run", "w")))
	signal.Return(errors.New("another"))
	require.Equal(t, http.StatusInternalServerError, post(t, handler, token, "read", postBackData("run", "w")))
	signal.Return(nil)
	require.Equal(t, http.StatusNoContent, post(t, handler, token, "read", postBackData("run", "w")))
	server.AssertNumberOfCalls(t, "SignalWorkflow", 3)
}

var impossibleIDs = []string{
	"a\x01b", "a\nb", "\x7f", "Zoë", "注文-17", "\u0085", "order\ufffd17", strings.Repeat("x", longestID+1),
}

// It would come again for ever: the SDK cannot send the signal, whatever the server does.
func TestPostBackOfAnIDThatCannotBeIsRefused(t *testing.T) {
	server := mocks.NewClient(t) // which is not asked
	handler, err := PostBackHandler(token, server)
	require.NoError(t, err)
	for _, id := range impossibleIDs {
		require.Equal(t, http.StatusUnprocessableEntity, post(t, handler, token, "read", postBackData("run", id)), "%q", id)
	}

	signal := server.On("SignalWorkflow", mock.Anything, mock.Anything, "", postBackSignal, mock.Anything)
	signal.Return(nil)
	for _, id := range []string{"a", " ~/", strings.Repeat("x", longestID)} {
		require.Equal(t, http.StatusNoContent, post(t, handler, token, "read", postBackData("run", id)), "%q", id)
	}
	signal.Return(serviceerror.NewInvalidArgument("longer than this server takes"))
	require.Equal(t, http.StatusUnprocessableEntity, post(t, handler, token, "sent", postBackData("run", "a")))
}

// As it is with the SDK of this version, and with a server that knows no workflow.
func TestIDsThatAreRefusedAreThoseThatTheSDKCannotSend(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	service := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(service, workflowservice.UnimplementedWorkflowServiceServer{})
	go service.Serve(listener)
	defer service.Stop()
	server, err := client.Dial(client.Options{HostPort: listener.Addr().String()})
	require.NoError(t, err)
	defer server.Close()
	for _, id := range append(impossibleIDs, "a", " ~/", strings.Repeat("x", longestID)) {
		isNoID := CheckID(id) != nil && len(id) <= longestID // which is the server's to know
		patience := time.Minute
		if isNoID {
			patience = 100 * time.Millisecond // it is tried again and again
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err := server.SignalWorkflow(ctx, id, "", postBackSignal, nil)
		cancel()
		isSent := errors.As(err, new(*serviceerror.Unimplemented))
		require.Equal(t, !isNoID, isSent, "%q: %v", id, err)
	}
}

func TestPostBackOfWhatIsOverIsNoError(t *testing.T) {
	server := mocks.NewClient(t)
	server.On("SignalWorkflow", mock.Anything, "w", "", postBackSignal, mock.Anything).Return(serviceerror.NewNotFound("over")).Once()
	handler, err := PostBackHandler(token, server)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, post(t, handler, token, "read", postBackData("run", "w")))
	for _, foreign := range []string{"", "x", "/w", "x/"} {
		require.Equal(t, http.StatusNoContent, post(t, handler, token, "read", foreign))
	}
}
