package handler_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

// job is one of aws-lambda-go's loops: a shape served with a set of options.
type job struct {
	shape, options string
	payloads       []string
}

// wrapping is what a child does with its handlers.
type wrapping string

const (
	bare       wrapping = "bare"
	wrapped    wrapping = "wrapped"
	wrappedRaw wrapping = "wrapped, with the raw event"
)

// runtimeAPI hands out the payloads of one job after another and records the posts for them.
type runtimeAPI struct {
	*httptest.Server
	jobs []job
	done []chan struct{} // for each job: closed when it asks for more payloads than there are

	mu        sync.Mutex
	job, next int         // the payload to hand out
	outcomes  [][]outcome // of each job
}

// invocationDeadline is the same for all, so that handlers may answer it.
var invocationDeadline = time.Now().Add(time.Hour)

func newRuntimeAPI(jobs []job) *runtimeAPI {
	api := &runtimeAPI{jobs: jobs, outcomes: make([][]outcome, len(jobs))}
	for range jobs {
		api.done = append(api.done, make(chan struct{}))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{job}/done", api.serveDone)
	mux.HandleFunc("GET /{job}/2018-06-01/runtime/invocation/next", api.serveNext)
	mux.HandleFunc("POST /{job}/2018-06-01/runtime/invocation/{id}/{endpoint}", api.serveOutcome)
	api.Server = httptest.NewServer(mux)
	return api
}

func jobOf(r *http.Request) int {
	i, _ := strconv.Atoi(r.PathValue("job"))
	return i
}

// serveDone answers when the job is done.
func (api *runtimeAPI) serveDone(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-api.done[jobOf(r)]:
	case <-r.Context().Done():
	}
}

func (api *runtimeAPI) serveNext(w http.ResponseWriter, r *http.Request) {
	payload, ok := api.nextPayload(jobOf(r))
	if !ok {
		<-r.Context().Done()
		return
	}
	w.Header().Set("Lambda-Runtime-Aws-Request-Id", "request")
	w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(invocationDeadline.UnixMilli(), 10))
	w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", functionARN+":live")
	w.Header().Set("Lambda-Runtime-Trace-Id", lambdaSampled)
	_, _ = io.WriteString(w, payload)
}

func (api *runtimeAPI) nextPayload(i int) (payload string, ok bool) {
	api.mu.Lock()
	defer api.mu.Unlock()
	if api.next == len(api.jobs[i].payloads) {
		api.job, api.next = i+1, 0
		close(api.done[i])
		return "", false
	}
	api.next++
	return api.jobs[i].payloads[api.next-1], true
}

func (api *runtimeAPI) serveOutcome(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the process ended in the middle: nothing was posted
	}
	api.mu.Lock()
	defer api.mu.Unlock()
	posts := &api.outcomes[jobOf(r)]
	*posts = append(*posts, outcome{
		Endpoint:    r.PathValue("endpoint"),
		ContentType: strings.Join(r.Header["Content-Type"], "; "),
		Body:        string(body),
		XRayCause:   r.Header.Get("Lambda-Runtime-Function-Xray-Error-Cause"),
		Trailer:     r.Trailer,
		Chunked:     len(r.TransferEncoding) > 0,
	})
	w.WriteHeader(http.StatusAccepted)
}

// exited records the exit code of a child. It reports whether the child got a payload.
func (api *runtimeAPI) exited(code int) bool {
	api.mu.Lock()
	defer api.mu.Unlock()
	posts := &api.outcomes[api.job]
	if len(*posts) < api.next {
		*posts = append(*posts, outcome{})
	}
	if len(*posts) == 0 || (*posts)[len(*posts)-1].Exit != 0 {
		return false
	}
	(*posts)[len(*posts)-1].Exit = code
	return true
}

// current returns the job that is served.
func (api *runtimeAPI) current() int {
	api.mu.Lock()
	defer api.mu.Unlock()
	return api.job
}

// run serves the payloads of all jobs, in as many children as it takes, and returns the outcomes of each job.
func run(t *testing.T, jobs []job, how wrapping) [][]outcome {
	t.Helper()
	api := newRuntimeAPI(jobs)
	defer api.Close()
	for {
		child := startChild(t, api, how)
		select {
		case <-api.done[len(jobs)-1]:
			_ = child.cmd.Process.Kill()
			<-child.exited
			return api.outcomes
		case <-child.exited:
		}
		var exit *exec.ExitError
		out := child.stderr.Bytes()
		if !errors.As(child.err, &exit) || bytes.Contains(out, []byte("DATA RACE")) || !api.exited(exit.ExitCode()) {
			t.Fatalf("child ended with %v in %v\n%s", child.err, jobs[api.current()], out[max(0, len(out)-4000):])
		}
	}
}

// childProcess is this test binary, running runChild.
type childProcess struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	exited chan struct{} // closed when it has ended
	err    error         // of the end, set before exited is closed
}

// startChild starts a child for the jobs that are not done.
func startChild(t *testing.T, api *runtimeAPI, how wrapping) *childProcess {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	var jobs []string
	for i := api.current(); i < len(api.jobs); i++ {
		jobs = append(jobs, fmt.Sprintf("%d|%s|%s", i, api.jobs[i].shape, api.jobs[i].options))
	}
	c := &childProcess{cmd: exec.CommandContext(ctx, os.Args[0]), exited: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), "AWS_LAMBDA_FUNCTION_NAME=orders",
		childAPI+"="+strings.TrimPrefix(api.URL, "http://"),
		childJobs+"="+strings.Join(jobs, "\n"), childWrapped+"="+string(how))
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
