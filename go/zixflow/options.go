//go:build cgo

package zixflow

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"
	"unicode/utf8"
)

// Option is an option of [New]. The library's README has the defaults.
type Option interface {
	set(settings *settings)
}

// CallOption is an option of [New] that also works for a single [Client.Send],
// where it overrides the client's.
type CallOption interface {
	Option
	forOneCall()
}

type option struct {
	key   string
	value any
}

func (o option) set(settings *settings) {
	if text, ok := o.value.(string); ok && !utf8.ValidString(text) {
		settings.refuse("The option " + o.key + " is not UTF-8.")
	}
	settings.library[o.key] = o.value
}

type callOption struct{ option }

func (callOption) forOneCall() {}

// WithBaseURL names another address of the API, such as the sandbox's.
func WithBaseURL(url string) Option { return option{"base_url", url} }

// WithPlainHTTP allows http:// for hosts other than this machine. The
// credentials travel in the clear then.
func WithPlainHTTP() Option { return option{"allow_plain_http", true} }

// WithMaxIdleConnections limits the connections that are kept for the next call.
func WithMaxIdleConnections(n int) Option { return option{"max_idle_connections", n} }

// WithIdleTimeout limits how long a connection is kept.
func WithIdleTimeout(d time.Duration) Option { return option{"idle_timeout_ms", inMilliseconds(d)} }

// WithProxy names a proxy's URL; "" means none, whatever the environment says. Plain http to a loopback
// host goes through one only with WithPlainHTTP.
func WithProxy(url string) Option { return option{"proxy", url} }

// WithSystemRoots trusts the machine's roots in place of the built-in ones.
func WithSystemRoots() Option { return option{"tls_roots", "system"} }

// WithCAFile trusts the roots in a PEM file as well.
func WithCAFile(path string) Option { return option{"ca_file", path} }

// WithUserAgent adds the program's own name, such as "acme-flows/2.1".
func WithUserAgent(suffix string) Option { return option{"user_agent", suffix} }

// WithMessagesPerSecond lets the client's attempts, over all goroutines, leave no
// faster than that, and evenly.
func WithMessagesPerSecond(rate float64) Option {
	const key = "messages_per_second"
	if math.IsNaN(rate) || math.IsInf(rate, 0) {
		return option{key, fmt.Sprint(rate)} // JSON has no such number; the library refuses the text
	}
	return option{key, rate}
}

// WithMaxConcurrentCalls limits the calls of the client that are under way at
// once, 1 to 4000 in place of 1000. Each blocks a thread, which the process keeps
// for good: a lower limit keeps their number down, and one client from taking the
// turns of all.
func WithMaxConcurrentCalls(n int) Option { return concurrency(n) }

type concurrency int

func (c concurrency) set(settings *settings) {
	if c < 1 || c > mostConcurrentCalls {
		settings.refuse(fmt.Sprintf("WithMaxConcurrentCalls takes 1 to %d, not %d.", mostConcurrentCalls, c))
		return
	}
	settings.maxConcurrentCalls = int(c)
}

// WithTimeout limits a whole call, retries and waits included. Where the context
// has a deadline too, the earlier one counts.
func WithTimeout(d time.Duration) CallOption {
	return callOption{option{timeoutKey, inMilliseconds(d)}}
}

// WithConnectTimeout limits name look-up, TCP and TLS together.
func WithConnectTimeout(d time.Duration) CallOption {
	return callOption{option{"connect_timeout_ms", inMilliseconds(d)}}
}

// WithMaxRetries limits how often the library sends again by itself; 0 is never.
func WithMaxRetries(n int) CallOption { return callOption{option{"max_retries", n}} }

// WithBasicValidation checks only that required fields are there and of their
// type, and leaves the limits to the API.
func WithBasicValidation() CallOption { return callOption{option{"validation", "basic"}} }

// WithTries has each [Receipt] and [Error] tell of the attempts: their Tries.
func WithTries() CallOption { return callOption{option{"tries", true}} }

const timeoutKey = "timeout_ms"

// inMilliseconds rounds up, so that a call never ends before its deadline.
func inMilliseconds(d time.Duration) int64 {
	whole := d.Milliseconds()
	if d%time.Millisecond > 0 {
		whole++
	}
	return whole
}

// settings are what options make.
type settings struct {
	library            map[string]any // as zx_client_new and zx_send_reply_buttons_with know them
	maxConcurrentCalls int
	invalid            *Error // of the first option that is bad in itself
}

func gather[O Option](options []O) (settings, *Error) {
	settings := settings{library: map[string]any{}, maxConcurrentCalls: defaultConcurrentCalls}
	for _, option := range options {
		if any(option) == nil {
			settings.refuse("An option is nil.")
			continue
		}
		option.set(&settings)
	}
	return settings, settings.invalid
}

func (s *settings) refuse(message string) {
	if s.invalid == nil {
		s.invalid = invalidArgument(message)
	}
}

// defaultTimeout is the library's own. It is spelt out because the wait for a
// turn counts too, of which the library does not know.
const defaultTimeout = 30 * time.Second

// longestTimeout is what the library takes at most.
const longestTimeout = 24 * time.Hour

// timeout returns what WithTimeout set, if it did.
func (s *settings) timeout() (time.Duration, bool) {
	timeout, ok := s.library[timeoutKey].(int64)
	return time.Duration(min(timeout, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond, ok
}

// deadline is when a call has to be over. It has a monotonic reading, which a
// context's own deadline may lack: that is read once, when the call begins.
type deadline struct {
	time.Time
	isContexts bool // and not that of a shorter timeout
}

// passed is what ended a call that timed out: the context's deadline, or nothing
// of the caller's.
func (d deadline) passed() error {
	if d.isContexts && !time.Now().Before(d.Time) {
		return context.DeadlineExceeded
	}
	return nil
}

// deadline is that of a call that begins now: by its timeout, its context's
// deadline or both, and with neither by the library's default.
func (s *settings) deadline(ctx context.Context) deadline {
	end, ends := ctx.Deadline()
	timeout := defaultTimeout
	if given, ok := s.timeout(); ok {
		timeout = given
	} else if ends {
		timeout = longestTimeout
	}
	left := time.Until(end)
	isContexts := ends && left <= timeout
	if isContexts {
		timeout = left
	}
	return deadline{time.Now().Add(timeout), isContexts}
}

// limit gives the library what is left of the call's time. A timeout that is
// shorter stays as it was given, for the library to refuse where it is bad.
func (s *settings) limit(left time.Duration) {
	most := inMilliseconds(max(left, time.Millisecond))
	if timeout, ok := s.library[timeoutKey].(int64); !ok || most < timeout {
		s.library[timeoutKey] = most
	}
}

func (s *settings) encode() string {
	text, err := json.Marshal(s.library)
	if err != nil {
		return err.Error() // which the library refuses; no option has a value that gets here
	}
	return string(text)
}
