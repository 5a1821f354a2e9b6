// Command worker runs the workflows and sends their messages, and takes in the post-backs.
// Any number of them may run. Upon SIGTERM it takes no more calls, and exits when those
// under way are over.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime/pprof"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/worker"

	"zixflow.example/go/temporal/whatsapp"
	"zixflow.example/go/zixflow"
)

const usage = `usage: worker [flags]

environment:
  ZIXFLOW_API_KEY          the API key
  ZIXFLOW_WORKSPACE_ID     the workspace ID
  ZIXFLOW_POST_BACK_TOKEN  a secret of 16 characters or more, the same for all workers, for
                           only Zixflow to post to them
  ZIXFLOW_BASE_URL         where the API is, if not at Zixflow's own address
  ZIXFLOW_CA_FILE          a PEM file of further roots to trust
  TEMPORAL_ADDRESS         where the Temporal server is, if not at localhost:7233; so with
                           TEMPORAL_NAMESPACE, TEMPORAL_API_KEY and Temporal's others

flags:
`

func main() {
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	var settings settings
	flag.StringVar(&settings.listen, "listen", "127.0.0.1:8090", "where to take in post-backs, or off")
	flag.StringVar(&settings.postBackURL, "post-back-url", "", "where Zixflow finds that, if not there: the token is added to it")
	flag.DurationVar(&settings.callTimeout, "call-timeout", 20*time.Second, "for each call of the API")
	flag.IntVar(&settings.calls, "calls", 200, "how many calls may be under way at once")
	profile := flag.String("cpu-profile", "", "the file for a profile of the processor time")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := profiled(*profile, settings.run); err != nil {
		log.Fatal(err)
	}
}

type settings struct {
	listen, postBackURL string
	callTimeout         time.Duration
	calls               int
}

func (s settings) run() error {
	if s.callTimeout <= 0 || s.callTimeout > whatsapp.LongestCall {
		return fmt.Errorf("-call-timeout is %v: make it more than 0, and %v at most", s.callTimeout, whatsapp.LongestCall)
	}
	token := os.Getenv("ZIXFLOW_POST_BACK_TOKEN")
	api, err := zixflow.New(os.Getenv("ZIXFLOW_API_KEY"), os.Getenv("ZIXFLOW_WORKSPACE_ID"), zixflow.WithMaxConcurrentCalls(s.calls))
	if err != nil {
		return err
	}
	defer api.Close()
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return err
	}
	server, err := client.Dial(options)
	if err != nil {
		return err
	}
	defer server.Close()

	postBacks, err := whatsapp.PostBackHandler(token, server)
	if err != nil {
		return fmt.Errorf("ZIXFLOW_POST_BACK_TOKEN: %w", err)
	}
	postBackURL, stop, err := s.receive(postBacks)
	if err != nil {
		return err
	}
	defer stop() // after the calls: their post-backs may be on their way
	sender := &whatsapp.Sender{Client: api, PostBackURL: withToken(postBackURL, token), Timeout: s.callTimeout}
	return whatsapp.NewWorker(server, sender, s.calls).Run(worker.InterruptCh())
}

// withToken is the URL that Zixflow posts to.
func withToken(postBackURL, token string) string {
	return strings.TrimSuffix(postBackURL, "/") + "/" + url.PathEscape(token)
}

// receive serves post-backs, and returns the URL where Zixflow finds that.
func (s settings) receive(postBacks http.Handler) (url string, stop func(), err error) {
	if s.listen == "off" {
		if s.postBackURL == "" {
			return "", nil, errors.New("with -listen off, -post-back-url has to say who takes in the post-backs")
		}
		return s.postBackURL, func() {}, nil
	}
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return "", nil, err
	}
	receiver := &http.Server{Handler: postBacks, ReadTimeout: 10 * time.Second}
	go func() {
		if err := receiver.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	url = s.postBackURL
	if url == "" {
		url = fmt.Sprintf("http://%s/post-backs/", listener.Addr())
	}
	return url, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		receiver.Shutdown(ctx)
	}, nil
}

// profiled runs a function under the profiler, if there is a file for that.
func profiled(path string, run func() error) error {
	if path == "" {
		return run()
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	err = run()
	pprof.StopCPUProfile()
	return errors.Join(err, file.Close())
}
