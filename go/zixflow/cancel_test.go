package zixflow_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"zixflow.example/go/zixflow"
)

// phase is where a call can be when its context is cancelled.
type phase struct {
	client   *zixflow.Client
	message  []byte
	underWay func()        // returns when the call is in the phase
	whole    *atomic.Int64 // requests that came whole to the server
	status   zixflow.Status
	attempts int
}

func TestCancelInEachPhase(t *testing.T) {
	for name, prepare := range map[string]func(*testing.T) phase{
		"look-up":                 lookUp,
		"turn of the client":      turnOfTheClient,
		"turn of the rate":        turnOfTheRate,
		"connect":                 connect,
		"TLS handshake":           handshake,
		"blocked write":           func(t *testing.T) phase { return blockedWrite(t, false) },
		"blocked write over TLS":  func(t *testing.T) phase { return blockedWrite(t, true) },
		"wait for the response":   func(t *testing.T) phase { return response(t, serveClient) },
		"the same over TLS":       func(t *testing.T) phase { return response(t, serveTLS) },
		"half of a response":      halfOfAResponse,
		"pause before a new try":  pause,
		"a kept connection again": keptConnection,
	} {
		t.Run(name, func(t *testing.T) {
			phase := prepare(t)
			before := phase.whole.Load()
			if phase.message == nil {
				phase.message = compose(t, message())
			}
			ctx, cancel := context.WithCancel(context.Background())
			cancelled := make(chan time.Time, 1)
			go func() {
				phase.underWay()
				time.Sleep(20 * time.Millisecond)
				cancelled <- time.Now()
				cancel()
			}()
			_, err := phase.client.SendJSON(ctx, phase.message)
			select {
			case at := <-cancelled:
				promptly(t, at)
			default:
				t.Fatalf("it was over before it was cancelled: %v", err)
			}
			nothingGoesOn(t)
			if got := failure(t, err, phase.status); got.Attempts != phase.attempts || got.Retryable {
				t.Errorf("got %+v", got)
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v does not wrap the cancellation", err)
			}
			whole := phase.whole.Load() - before
			if wantsWhole := phase.status == zixflow.StatusOutcomeUnknown; (whole > 0) != wantsWhole && name != "pause before a new try" {
				t.Errorf("the server has %d whole requests, but %v", whole, err)
			}
			stats, err := phase.client.Stats()
			if err != nil || name != "turn of the client" && stats.CallsUnderWay != 0 {
				t.Errorf("got %+v, %v", stats, err)
			}
		})
	}
}

// nothingGoesOn fails the test where another goroutine is in the package, or a
// context's end still has something to do for it.
func nothingGoesOn(t *testing.T) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for i, goroutine := range strings.Split(string(stacks), "\n\n") {
		isTurn := strings.Contains(goroutine, "zixflow_test.full")
		if i > 0 && !isTurn && strings.Contains(goroutine, "zixflow.example/go/zixflow.") {
			t.Errorf("this goes on:\n%s", goroutine)
		}
	}
}

// lookUp needs a getaddrinfo that hangs for a host, such as `cargo test --test languages go`
// preloads.
func lookUp(t *testing.T) phase {
	host, ok := os.LookupEnv("ZIXFLOW_HOST_THAT_HANGS")
	if !ok {
		t.Skip("ZIXFLOW_HOST_THAT_HANGS names no host")
	}
	client := newClient(t, "https://"+host, zixflow.WithProxy(""))
	return phase{client: client, underWay: soon, whole: new(atomic.Int64), status: zixflow.StatusNotSent, attempts: 1}
}

func turnOfTheClient(t *testing.T) phase {
	return phase{client: full(t, 1), underWay: func() {}, whole: new(atomic.Int64), status: zixflow.StatusNotSent}
}

func turnOfTheRate(t *testing.T) phase {
	whole := new(atomic.Int64)
	client := newClient(t, serve(t, count(whole, accept)), zixflow.WithMessagesPerSecond(0.1))
	if err := send(client); err != nil {
		t.Fatal(err)
	}
	return phase{client: client, underWay: soon, whole: whole, status: zixflow.StatusNotSent}
}

// connect is to a listener whose queue is full.
func connect(t *testing.T) phase {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(socket) })
	if err := errors.Join(syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(socket, 0)); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(bound.(*syscall.SockaddrInet4).Port))
	for {
		queued, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if err != nil {
			break
		}
		t.Cleanup(func() { queued.Close() })
	}
	client := newClient(t, "http://"+address)
	return phase{client: client, underWay: soon, whole: new(atomic.Int64), status: zixflow.StatusNotSent, attempts: 1}
}

func handshake(t *testing.T) phase {
	listener := listen(t)
	return phase{
		client:   newClient(t, "https://"+listener.Addr().String()),
		underWay: func() { accepted(t, listener) },
		whole:    new(atomic.Int64),
		status:   zixflow.StatusNotSent,
		attempts: 1,
	}
}

// blockedWrite is to a server that reads nothing of a request that is larger than
// what the kernel holds.
func blockedWrite(t *testing.T, overTLS bool) phase {
	listener := listen(t)
	url := "http://" + listener.Addr().String()
	var trust []zixflow.Option
	handshake := func(net.Conn) error { return nil }
	if overTLS {
		url = "https://" + listener.Addr().String()
		identity, caFile := identity(t)
		trust = append(trust, zixflow.WithCAFile(caFile))
		handshake = func(connection net.Conn) error { return tls.Server(connection, identity).Handshake() }
	}
	large := message()
	large.PostBackData = strings.Repeat("x", 700_000)
	return phase{
		client:  newClient(t, url, trust...),
		message: compose(t, large),
		underWay: func() {
			if err := handshake(accepted(t, listener)); err != nil {
				t.Error(err)
			}
			time.Sleep(200 * time.Millisecond) // for as much as fits to be written
		},
		whole:    new(atomic.Int64),
		status:   zixflow.StatusNotSent,
		attempts: 1,
	}
}

func response(t *testing.T, serve func(testing.TB, http.HandlerFunc, ...zixflow.Option) *zixflow.Client) phase {
	whole, entered := new(atomic.Int64), make(chan struct{}, 1)
	return phase{
		client:   serve(t, count(whole, silence(entered))),
		underWay: func() { <-entered },
		whole:    whole,
		status:   zixflow.StatusOutcomeUnknown,
		attempts: 1,
	}
}

func halfOfAResponse(t *testing.T) phase {
	entered := make(chan struct{}, 1)
	whole := new(atomic.Int64)
	client := serveClient(t, count(whole, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, `{"success":true,`)
		http.NewResponseController(w).Flush()
		silence(entered)(w, r)
	}))
	return phase{client: client, underWay: func() { <-entered }, whole: whole, status: zixflow.StatusOutcomeUnknown, attempts: 1}
}

func pause(t *testing.T) phase {
	whole, entered := new(atomic.Int64), make(chan struct{}, 1)
	client := serveClient(t, count(whole, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "20")
		w.WriteHeader(http.StatusTooManyRequests)
		entered <- struct{}{}
	}))
	return phase{client: client, underWay: func() { <-entered; soon() }, whole: whole, status: zixflow.StatusNotSent, attempts: 1}
}

func keptConnection(t *testing.T) phase {
	whole, entered := new(atomic.Int64), make(chan struct{}, 1)
	client := serveTLS(t, count(whole, func(w http.ResponseWriter, r *http.Request) {
		if whole.Load() == 1 {
			accept(w, r)
			return
		}
		silence(entered)(w, r)
	}))
	if err := send(client); err != nil {
		t.Fatal(err)
	}
	return phase{client: client, underWay: func() { <-entered }, whole: whole, status: zixflow.StatusOutcomeUnknown, attempts: 1}
}

// soon is for phases that the other side does not see.
func soon() { time.Sleep(100 * time.Millisecond) }

// count counts the requests that came whole.
func count(whole *atomic.Int64, handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			whole.Add(1)
		}
		handler(w, r)
	}
}

func serveClient(t testing.TB, handler http.HandlerFunc, options ...zixflow.Option) *zixflow.Client {
	return newClient(t, serve(t, handler), options...)
}

func serveTLS(t testing.TB, handler http.HandlerFunc, options ...zixflow.Option) *zixflow.Client {
	server := httptest.NewUnstartedServer(handler)
	identity, caFile := identity(t)
	server.TLS = identity
	server.StartTLS()
	t.Cleanup(server.Close)
	return newClient(t, server.URL, append(options, zixflow.WithCAFile(caFile))...)
}

// identity makes a server's certificate, and the file of the authority that signed
// it. (httptest's own is an authority's, which the library does not take.)
func identity(t testing.TB) (server *tls.Config, caFile string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "authority"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	signed := func(certificate *x509.Certificate) []byte {
		der, err := x509.CreateCertificate(rand.Reader, certificate, authority, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.Block{Type: "CERTIFICATE", Bytes: signed(authority)}
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&block), 0o600); err != nil {
		t.Fatal(err)
	}
	certificate := tls.Certificate{Certificate: [][]byte{signed(leaf)}, PrivateKey: key}
	return &tls.Config{Certificates: []tls.Certificate{certificate}}, caFile
}

// listen returns a listener whose connections hold little that nobody reads.
func listen(t *testing.T) net.Listener {
	narrow := net.ListenConfig{Control: func(_, _ string, connection syscall.RawConn) (err error) {
		controlled := connection.Control(func(socket uintptr) {
			err = errors.Join(
				syscall.SetsockoptInt(int(socket), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096),
				// Small segments make for a small buffer on the other side as well.
				syscall.SetsockoptInt(int(socket), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 536))
		})
		return errors.Join(controlled, err)
	}}
	listener, err := narrow.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

func accepted(t *testing.T, listener net.Listener) net.Conn {
	connection, err := listener.Accept()
	if err != nil {
		t.Error(err)
		return nil
	}
	t.Cleanup(func() { connection.Close() })
	return connection
}

// A context that is cancelled after its call touches nothing of the client's, and
// one that was cancelled costs the others nothing.
func TestCancelAfterTheCallTouchesNothing(t *testing.T) {
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(accept))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := newClient(t, server.URL)
	for range 20 {
		ctx, cancel := context.WithCancel(context.Background())
		if _, err := client.Send(ctx, message()); err != nil {
			t.Error(err)
		}
		cancel()
		nothingGoesOn(t)
	}
	if got := connections.Load(); got != 1 {
		t.Errorf("%d connections, want the one that is kept", got)
	}
}

// Calls share a context, as those of one web request do.
func TestOneContextCancelsItsCallsAndNoOther(t *testing.T) {
	const calls = 10
	entered, release := make(chan struct{}, 2*calls), make(chan struct{})
	client := serveClient(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		entered <- struct{}{}
		select {
		case <-release:
			accept(w, r)
		case <-r.Context().Done():
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	var cancelled, others sync.WaitGroup
	for range calls {
		cancelled.Go(func() {
			_, err := client.Send(ctx, message())
			failure(t, err, zixflow.StatusOutcomeUnknown)
		})
		others.Go(func() {
			if err := send(client); err != nil {
				t.Error(err)
			}
		})
	}
	for range 2 * calls {
		<-entered
	}
	cancel()
	cancelled.Wait()
	close(release)
	others.Wait()
}

// The books balance: what the server accepted are the sends that were told so, and
// some of those whose outcome is unknown.
func TestCancelledAtRandom(t *testing.T) {
	sends, senders := 10_000, 32
	if raceDetector {
		sends = 2000
	}
	accepted := map[string]int{}
	var mutex sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var message struct {
			ID string `json:"post_back_data"`
		}
		if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
			return
		}
		mutex.Lock()
		accepted[message.ID]++
		mutex.Unlock()
		accept(w, r)
	}))
	t.Cleanup(server.Close)
	client := newClient(t, server.URL)
	text := string(compose(t, func() zixflow.ReplyButtons {
		message := message()
		message.PostBackData = "ID"
		return message
	}()))

	statuses := make([]zixflow.Status, sends)
	var next atomic.Int64
	var done sync.WaitGroup
	for range senders {
		done.Go(func() {
			for i := next.Add(1) - 1; i < int64(sends); i = next.Add(1) - 1 {
				ctx, cancel := context.WithCancel(context.Background())
				isCancelled := i%10 == 0
				if isCancelled {
					time.AfterFunc(mathrand.N(10*time.Millisecond), cancel)
				}
				message := strings.Replace(text, `"ID"`, strconv.Quote(strconv.FormatInt(i, 10)), 1)
				_, err := client.SendJSON(ctx, []byte(message))
				var failed *zixflow.Error
				if errors.As(err, &failed) {
					statuses[i] = failed.Status
					if !isCancelled || !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
				}
				cancel()
			}
		})
	}
	done.Wait()
	nothingGoesOn(t)

	stats, err := client.Stats()
	if err != nil || stats.CallsUnderWay != 0 {
		t.Errorf("got %+v, %v", stats, err)
	}
	client.Close()
	server.Close() // so that it has come to its end with those that were cancelled

	counts := map[zixflow.Status]int{}
	for i, status := range statuses {
		counts[status]++
		times := accepted[strconv.Itoa(i)]
		switch status {
		case zixflow.StatusOK:
			if times != 1 {
				t.Errorf("%d is told to be queued, and was accepted %d times", i, times)
			}
		case zixflow.StatusNotSent:
			if times != 0 {
				t.Errorf("%d is told not to be sent, and was accepted %d times", i, times)
			}
		case zixflow.StatusOutcomeUnknown:
			if times > 1 {
				t.Errorf("%d was accepted %d times", i, times)
			}
		default:
			t.Errorf("%d ended as %v", i, status)
		}
	}
	t.Logf("%v; the server accepted %d", counts, len(accepted))
	if ended := sends - counts[zixflow.StatusOK]; ended < sends/100 {
		t.Errorf("only %d calls were cancelled in time, too few for this to say anything", ended)
	}
	if got := stats.CallsBy[zixflow.StatusOK]; got != uint64(counts[zixflow.StatusOK]) {
		t.Errorf("the client counts %d calls that were accepted, not %d", got, counts[zixflow.StatusOK])
	}
}
