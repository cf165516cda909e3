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
	Exit        int // exit code of the process where it ended after this invocation, else 0
}

// runtimeAPI is a Runtime API for one child: it hands out payloads in turn and records what is posted.
type runtimeAPI struct {
	*httptest.Server
	mu       sync.Mutex
	payloads []string
	next     int
	outcomes []outcome
	done     chan struct{} // closed when all payloads have their outcome and the child asks for more
}

// invocationDeadline is the same for all, so that handlers may answer it.
var invocationDeadline = time.Now().Add(time.Hour)

func newRuntimeAPI(payloads []string) *runtimeAPI {
	api := &runtimeAPI{payloads: payloads, done: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", api.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{endpoint}", api.serveOutcome)
	api.Server = httptest.NewServer(mux)
	return api
}

func (api *runtimeAPI) serveNext(w http.ResponseWriter, r *http.Request) {
	api.mu.Lock()
	if api.next == len(api.payloads) {
		close(api.done)
		api.mu.Unlock()
		<-r.Context().Done()
		return
	}
	payload := api.payloads[api.next]
	api.next++
	api.mu.Unlock()
	w.Header().Set("Lambda-Runtime-Aws-Request-Id", "request-"+strconv.Itoa(api.next))
	w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(invocationDeadline.UnixMilli(), 10))
	w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:orders:live")
	w.Header().Set("Lambda-Runtime-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
	_, _ = io.WriteString(w, payload)
}

func (api *runtimeAPI) serveOutcome(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		body = append(body, "\nbroken off"...)
	}
	api.mu.Lock()
	defer api.mu.Unlock()
	api.outcomes = append(api.outcomes, outcome{
		Endpoint:    r.PathValue("endpoint"),
		ContentType: strings.Join(r.Header["Content-Type"], "; "),
		Body:        string(body),
		XRayCause:   r.Header.Get("Lambda-Runtime-Function-Xray-Error-Cause"),
		Trailer:     r.Trailer,
		Chunked:     len(r.TransferEncoding) > 0,
	})
	w.WriteHeader(http.StatusAccepted)
}

// runShape serves all payloads with one shape, in as many child processes as it takes, and returns an outcome for
// each payload.
func runShape(t *testing.T, shape, options string, wrapped bool, payloads []string) []outcome {
	t.Helper()
	var all []outcome
	for len(all) < len(payloads) {
		got := runChildOnce(t, shape, options, wrapped, payloads[len(all):])
		if len(got) == 0 {
			t.Fatalf("%s: the child served nothing", shape)
		}
		all = append(all, got...)
	}
	return all
}

// runChildOnce runs one child until it has served everything or ended.
func runChildOnce(t *testing.T, shape, options string, wrapped bool, payloads []string) []outcome {
	t.Helper()
	api := newRuntimeAPI(payloads)
	defer api.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(),
		"AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(api.URL, "http://"), "AWS_LAMBDA_FUNCTION_NAME=orders",
		childShape+"="+shape, childOptions+"="+options, childWrapped+"="+strconv.FormatBool(wrapped))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	select {
	case <-api.done:
		_ = cmd.Process.Kill()
		<-exited
		return api.outcomes
	case err := <-exited:
		return api.afterExit(t, err, stderr.String())
	}
}

// afterExit adds the exit to what was recorded; a process that ended without an outcome gets one without an endpoint.
func (api *runtimeAPI) afterExit(t *testing.T, err error, stderr string) []outcome {
	t.Helper()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("child ended with %v, want an exit code\n%s", err, stderr)
	}
	api.mu.Lock()
	defer api.mu.Unlock()
	if strings.Contains(stderr, "DATA RACE") {
		t.Errorf("data race in the child:\n%s", stderr)
	}
	if len(api.outcomes) < api.next {
		api.outcomes = append(api.outcomes, outcome{})
	}
	if len(api.outcomes) == 0 {
		t.Fatalf("child ended with %v before its first invocation\n%s", err, stderr)
	}
	api.outcomes[len(api.outcomes)-1].Exit = exit.ExitCode()
	return api.outcomes
}
