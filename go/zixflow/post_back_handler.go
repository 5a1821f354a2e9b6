//go:build cgo

package zixflow

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"unicode/utf8"
)

// shortestToken is what nobody guesses.
const shortestToken = 16

// mostPostBack is what the library reads of a post-back.
const mostPostBack = 1 << 20

// mostRemembered bounds the keys of post-backs that were taken, to some 10 MB.
const mostRemembered = 100_000

// ErrPostBackRefused is what the function that a [PostBackHandler] was given returns
// for a post-back that it will never take, however often it comes.
var ErrPostBackRefused = errors.New("zixflow: the post-back is refused")

// PostBackHandler returns a handler for what Zixflow posts to a message's
// PostBackURL, which hands each post-back on to accept.
//
// Post-backs are not signed. So the last element of the URL's path has to be
// token, a secret of at least 16 characters: a PostBackURL such as
//
//	"https://example.com/post-backs/" + url.PathEscape(token)
//
// Each post-back is responded to with 204 once accept has returned nil, with 422 where
// it returns [ErrPostBackRefused] or an error that wraps that, and with 500 where
// it returns another (where it panics, the connection ends, as net/http has it);
// after a 500 it is Zixflow's to post it again. One that comes again after it was
// accepted gets the same response, and not handed on: its Key is among the
// last 100,000 that the handler remembers. One that comes again meanwhile waits
// for what accept says. What is no post-back is responded to with 4xx.
//
// With [Settling] each post-back also settles the ledger's entry that it is about,
// before accept is called; where that fails, the response is 500.
//
// The handler serves any number of requests at once, and so does accept. How long
// a request may take to come is the [http.Server]'s to say.
//
// The error is an [*Error] with [StatusInvalidArgument], where the token is too
// short or there is no accept.
func PostBackHandler(token string, accept func(context.Context, PostBack) error, options ...PostBackOption) (http.Handler, error) {
	if utf8.RuneCountInString(token) < shortestToken {
		return nil, invalidArgument(fmt.Sprintf("The token can be guessed: make it of at least %d characters, such as by crypto/rand.Text().", shortestToken))
	}
	if accept == nil {
		return nil, invalidArgument("There is no function that accepts post-backs.")
	}
	handler := &postBackHandler{token: sha256.Sum256([]byte(token)), accept: accept, taken: taken{most: mostRemembered, keys: map[key]*taking{}}}
	for _, option := range options {
		option(handler)
	}
	return handler, nil
}

// PostBackOption is an option of [PostBackHandler].
type PostBackOption func(*postBackHandler)

// Settling has a [PostBackHandler] settle the entries of a client's ledger: see
// [Client.Settle].
func Settling(client *Client) PostBackOption {
	return func(handler *postBackHandler) { handler.settling = client }
}

type postBackHandler struct {
	token    [sha256.Size]byte
	accept   func(context.Context, PostBack) error
	settling *Client // nil for none
	taken    taken
}

func (h *postBackHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !h.knows(r.URL):
		http.NotFound(w, r)
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "Post-backs are posted.", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostPostBack))
	if err != nil {
		status := http.StatusBadRequest
		if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, err.Error(), status)
		return
	}
	postBack, err := ReadPostBack(body)
	if failure := (*Error)(nil); errors.As(err, &failure) {
		status := http.StatusBadRequest
		if failure.Status == StatusInternal {
			status = http.StatusInternalServerError
		}
		http.Error(w, failure.Message, status)
		return
	}
	err = h.taken.once(r.Context(), sha256.Sum256([]byte(postBack.Key)), func() error {
		if h.settling != nil {
			settled, err := h.settling.Settle(r.Context(), body)
			if err != nil {
				return err
			}
			postBack = settled
		}
		return h.accept(r.Context(), postBack)
	})
	switch {
	case errors.Is(err, ErrPostBackRefused):
		http.Error(w, "The post-back is refused: do not post it again.", http.StatusUnprocessableEntity)
	case err != nil:
		http.Error(w, "The post-back was not taken: post it again.", http.StatusInternalServerError)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// knows tells whether the URL has the token, in a time that tells nothing of it.
func (h *postBackHandler) knows(u *url.URL) bool {
	path := u.EscapedPath()
	last, err := url.PathUnescape(path[strings.LastIndexByte(path, '/')+1:])
	given := sha256.Sum256([]byte(last)) // of one length, whatever was given
	return err == nil && subtle.ConstantTimeCompare(given[:], h.token[:]) == 1
}

// key stands for a post-back's, which may be long.
type key [sha256.Size]byte

// taken are the latest post-backs that were accepted, and those that are about to be.
type taken struct {
	mutex  sync.Mutex
	keys   map[key]*taking // nil of those that were accepted
	order  []key           // of those that were accepted: a ring, once it is full
	oldest int
	most   int
}

// taking is a post-back that accept was given, until done is closed.
type taking struct{ done chan struct{} }

// once calls accept, unless it has returned nil for the key before.
func (t *taken) once(ctx context.Context, key key, accept func() error) error {
	for {
		t.mutex.Lock()
		other, isKnown := t.keys[key]
		if !isKnown {
			break
		}
		t.mutex.Unlock()
		if other == nil {
			return nil
		}
		select {
		case <-other.done: // accepted, or to be tried by who comes first
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	this := &taking{done: make(chan struct{})}
	t.keys[key] = this
	t.mutex.Unlock()

	isAccepted := false
	defer func() { // also where accept panics
		t.mutex.Lock()
		defer t.mutex.Unlock()
		defer close(this.done)
		if isAccepted {
			t.remember(key)
		} else {
			delete(t.keys, key)
		}
	}()
	err := accept()
	isAccepted = err == nil
	return err
}

func (t *taken) remember(key key) {
	t.keys[key] = nil
	if len(t.order) < t.most {
		t.order = append(t.order, key)
		return
	}
	delete(t.keys, t.order[t.oldest])
	t.order[t.oldest] = key
	t.oldest = (t.oldest + 1) % len(t.order)
}
