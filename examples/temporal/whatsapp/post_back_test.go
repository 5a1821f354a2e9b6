package whatsapp

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/mocks"
)

const token = "a-token-that-nobody-guesses"

// post posts one, and returns the answer's status.
func post(t *testing.T, handler http.Handler, token, status, data string) int {
	body := fmt.Sprintf(`{"request_id":"r","status":%q,"remark":"why","post_back_data":%q}`, status, data)
	request := httptest.NewRequest(http.MethodPost, "/post-backs/"+token, strings.NewReader(body))
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
