//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
)

const token = "a-token-that-nobody-guesses"

// relay stands between the sandbox, which posts each post-back once, and the workers'
// receivers. It posts what was not taken again, as a load balancer or Zixflow may. And it
// knows which messages were accepted, however often, for the sandbox posts something of
// each, under a request ID of its own.
type relay struct {
	*httptest.Server

	mutex     sync.Mutex
	receivers []string                   // the addresses of those that there are
	times     int                        // how often each post-back is posted
	disorder  time.Duration              // the most by which one is held back
	accepted  map[string]map[string]bool // by post_back_data, the request IDs
}

func startRelay() *relay {
	r := &relay{times: 1, accepted: map[string]map[string]bool{}}
	r.Server = httptest.NewServer(r)
	return r
}

func (r *relay) url() string {
	return r.URL + "/"
}

// to has all that comes posted there from now on, and returns what undoes it.
func (r *relay) to(receivers []string, times int, disorder time.Duration) (undo func()) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.receivers, r.times, r.disorder = receivers, times, disorder
	return func() {
		r.mutex.Lock()
		defer r.mutex.Unlock()
		r.receivers, r.times, r.disorder = nil, 1, 0
	}
}

// acceptances is how often the sandbox accepted the message of a workflow.
func (r *relay) acceptances(run client.WorkflowRun) int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return len(r.accepted[run.GetRunID()+"/"+run.GetID()])
}

func (r *relay) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	var postBack struct {
		RequestID    string `json:"request_id"`
		PostBackData string `json:"post_back_data"`
	}
	if err != nil || json.Unmarshal(body, &postBack) != nil {
		http.Error(w, "no post-back", http.StatusBadRequest)
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.accepted[postBack.PostBackData] == nil {
		r.accepted[postBack.PostBackData] = map[string]bool{}
	}
	r.accepted[postBack.PostBackData][postBack.RequestID] = true
	for range r.times {
		var hold time.Duration
		if r.disorder > 0 {
			hold = rand.N(r.disorder)
		}
		go r.deliver(request.URL.Path, body, hold)
	}
	w.WriteHeader(http.StatusNoContent)
}

// deliver posts a post-back until somebody takes it, for a minute at most.
func (r *relay) deliver(path string, body []byte, hold time.Duration) {
	time.Sleep(hold)
	for range 300 {
		if r.post(path, body) {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (r *relay) post(path string, body []byte) (taken bool) {
	r.mutex.Lock()
	receivers := r.receivers
	r.mutex.Unlock()
	if len(receivers) == 0 {
		return false
	}
	response, err := http.Post("http://"+receivers[rand.N(len(receivers))]+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return false
	}
	defer response.Body.Close()
	io.Copy(io.Discard, response.Body)
	return response.StatusCode == http.StatusNoContent
}
