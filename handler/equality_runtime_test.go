package handler_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// outcome is all that the Runtime API receives for one invocation, and how the process goes on.
type outcome struct {
	Endpoint    string // response or error
	ContentType string
	Body        string
	XRayCause   string
	Trailer     http.Header
	Chunked     bool
	Exit        int // exit code of the process if it ended after this invocation, else 0
}

// job is one of aws-lambda-go's loops in a child: a shape served with a set of options. As the first part of the
// loop's URLs it keeps the loops of one child apart.
type job struct{ shape, options string }

// wrapping is what a child does with its handlers.
type wrapping string

const (
	bare       wrapping = "bare"
	wrapped    wrapping = "wrapped"
	wrappedRaw wrapping = "wrapped, with the raw event"
)

// feed hands out a job's payloads in turn and records the posts for them.
type feed struct {
	payloads []string
	next     int
	outcomes []outcome
	started  chan struct{} // closed at the first request for a payload
	done     chan struct{} // closed when the child asks for more than there is
}

// runtimeAPI is a Runtime API for the loops of one child.
type runtimeAPI struct {
	*httptest.Server
	mu    sync.Mutex // guards the contents of the feeds
	feeds []*feed    // by the number of the job
}

// invocationDeadline is the same for all, so that handlers may answer it.
var invocationDeadline = time.Now().Add(time.Hour)

func newRuntimeAPI(jobs int, payloads []string) *runtimeAPI {
	api := &runtimeAPI{}
	for range jobs {
		api.feeds = append(api.feeds, &feed{payloads: payloads, started: make(chan struct{}), done: make(chan struct{})})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{job}/started", api.serveStarted)
	mux.HandleFunc("GET /{job}/2018-06-01/runtime/invocation/next", api.serveNext)
	mux.HandleFunc("POST /{job}/2018-06-01/runtime/invocation/{id}/{endpoint}", api.serveOutcome)
	api.Server = httptest.NewServer(mux)
	return api
}

func (api *runtimeAPI) feed(r *http.Request) *feed {
	i, _ := strconv.Atoi(r.PathValue("job"))
	return api.feeds[i]
}

// serveStarted answers when the job's loop runs: it has read the environment then.
func (api *runtimeAPI) serveStarted(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-api.feed(r).started:
	case <-r.Context().Done():
	}
}

func (api *runtimeAPI) serveNext(w http.ResponseWriter, r *http.Request) {
	f := api.feed(r)
	api.mu.Lock()
	if f.next == 0 {
		close(f.started)
	}
	if f.next == len(f.payloads) {
		close(f.done)
		api.mu.Unlock()
		<-r.Context().Done()
		return
	}
	payload := f.payloads[f.next]
	f.next++
	w.Header().Set("Lambda-Runtime-Aws-Request-Id", "request-"+strconv.Itoa(f.next))
	api.mu.Unlock()
	w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(invocationDeadline.UnixMilli(), 10))
	w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:orders:live")
	w.Header().Set("Lambda-Runtime-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
	_, _ = io.WriteString(w, payload)
}

func (api *runtimeAPI) serveOutcome(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the process ended in the middle: nothing was posted
	}
	f := api.feed(r)
	api.mu.Lock()
	defer api.mu.Unlock()
	f.outcomes = append(f.outcomes, outcome{
		Endpoint:    r.PathValue("endpoint"),
		ContentType: strings.Join(r.Header["Content-Type"], "; "),
		Body:        string(body),
		XRayCause:   r.Header.Get("Lambda-Runtime-Function-Xray-Error-Cause"),
		Trailer:     r.Trailer,
		Chunked:     len(r.TransferEncoding) > 0,
	})
	w.WriteHeader(http.StatusAccepted)
}

// runSteady serves all payloads with each job in one child and returns the outcomes of each job.
func runSteady(t *testing.T, jobs []job, how wrapping, payloads []string) [][]outcome {
	t.Helper()
	api := newRuntimeAPI(len(jobs), payloads)
	defer api.Close()
	child := startChild(t, api, jobs, how)
	defer child.kill()
	for i, f := range api.feeds {
		select {
		case <-f.done:
		case <-child.exited:
			t.Fatalf("child ended in the midst of %v: %v\n%s", jobs[i], child.err, child.lastWords())
		}
	}
	all := make([][]outcome, len(jobs))
	for i, f := range api.feeds {
		all[i] = f.outcomes
	}
	return all
}

// runEnding serves all payloads with a job that ends its process, in as many children as it takes.
func runEnding(t *testing.T, j job, how wrapping, payloads []string) []outcome {
	t.Helper()
	var all []outcome
	for len(all) < len(payloads) {
		all = append(all, runOnce(t, j, how, payloads[len(all):])...)
	}
	return all
}

// runOnce runs one child until it has served everything or ended, and returns at least one outcome. An invocation
// in which the process ended without having posted has an outcome with an exit code only.
func runOnce(t *testing.T, j job, how wrapping, payloads []string) []outcome {
	t.Helper()
	api := newRuntimeAPI(1, payloads)
	child := startChild(t, api, []job{j}, how)
	f := api.feeds[0]
	select {
	case <-f.done:
		child.kill()
		api.Close()
		return f.outcomes
	case <-child.exited:
	}
	api.Close()
	var exit *exec.ExitError
	if !errors.As(child.err, &exit) || f.next == 0 || strings.Contains(child.stderr.String(), "DATA RACE") {
		t.Fatalf("child ended with %v after %d payloads\n%s", child.err, f.next, child.lastWords())
	}
	if len(f.outcomes) < f.next {
		f.outcomes = append(f.outcomes, outcome{})
	}
	f.outcomes[len(f.outcomes)-1].Exit = exit.ExitCode()
	return f.outcomes
}

// childProcess is this test binary, running runChild.
type childProcess struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	exited chan struct{} // closed when it has ended
	err    error         // of the end, set before exited is closed
}

func startChild(t *testing.T, api *runtimeAPI, jobs []job, how wrapping) *childProcess {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	names := make([]string, len(jobs))
	for i, j := range jobs {
		names[i] = j.shape + "|" + j.options
	}
	c := &childProcess{cmd: exec.CommandContext(ctx, os.Args[0]), exited: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), "AWS_LAMBDA_FUNCTION_NAME=orders",
		childAPI+"="+strings.TrimPrefix(api.URL, "http://"),
		childJobs+"="+strings.Join(names, "\n"), childWrapped+"="+string(how))
	c.cmd.Stderr = &c.stderr
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.exited)
	}()
	return c
}

// kill ends the child, if need be, and waits for its end.
func (c *childProcess) kill() {
	_ = c.cmd.Process.Kill()
	<-c.exited
}

// lastWords returns the end of what the child wrote. It may be called after the end only.
func (c *childProcess) lastWords() string {
	out := c.stderr.Bytes()
	return string(out[max(0, len(out)-4000):])
}
