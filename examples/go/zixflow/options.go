package zixflow

import (
	"encoding/json"
	"time"
)

// Option is an option of [New]. The library's README has the defaults.
type Option interface {
	set(options map[string]any)
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

func (o option) set(options map[string]any) { options[o.key] = o.value }

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
func WithIdleTimeout(d time.Duration) Option { return option{"idle_timeout_ms", milliseconds(d)} }

// WithProxy names a proxy's URL; "" means none, whatever the environment says.
func WithProxy(url string) Option { return option{"proxy", url} }

// WithSystemRoots trusts the machine's roots in place of the built-in ones.
func WithSystemRoots() Option { return option{"tls_roots", "system"} }

// WithCAFile trusts the roots in a PEM file as well.
func WithCAFile(path string) Option { return option{"ca_file", path} }

// WithUserAgent adds the program's own name, such as "acme-flows/2.1".
func WithUserAgent(suffix string) Option { return option{"user_agent", suffix} }

// WithTimeout limits a whole call, retries and waits included. Where the context
// has a deadline too, the earlier one counts.
func WithTimeout(d time.Duration) CallOption {
	return callOption{option{timeoutKey, milliseconds(d)}}
}

// WithConnectTimeout limits name look-up, TCP and TLS together.
func WithConnectTimeout(d time.Duration) CallOption {
	return callOption{option{"connect_timeout_ms", milliseconds(d)}}
}

// WithMaxRetries limits how often the library sends again by itself; 0 is never.
func WithMaxRetries(n int) CallOption { return callOption{option{"max_retries", n}} }

// WithBasicValidation checks only that required fields are there and of their
// type, and leaves the limits to the API.
func WithBasicValidation() CallOption { return callOption{option{"validation", "basic"}} }

const timeoutKey = "timeout_ms"

// milliseconds rounds up, so that a call never ends before its deadline.
func milliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// encode writes options as the library reads them. What is not UTF-8 becomes
// U+FFFD, which no option takes.
func encode(options map[string]any) (string, *Error) {
	text, err := json.Marshal(options)
	if err != nil {
		return "", invalidArgument("The options cannot be encoded: " + err.Error())
	}
	return string(text), nil
}
