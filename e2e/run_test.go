package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

const (
	// flushTimeout is the agent's in these tests, shorter than its default so that a backend that hangs costs less of
	// the test's time.
	flushTimeout = time.Second
	// slack is the additional time on a busy machine. It is far less than an unbounded flush would take.
	slack = time.Second
	// window is the time between SIGTERM and SIGKILL: more than the service's 500 ms, by which a busy machine may keep a
	// child from running. The agent keeps to its 450 ms of the 500; tests in virtual time check that.
	window = 2 * time.Second
	// functionTimeout is far more than any invocation may take.
	functionTimeout = 10 * time.Second
	// stormLines bounds the function's log: a fault is logged, but not once an invocation.
	stormLines = 12
)

// run is the function in the local Lambda, with a proxy between it and a Collector.
type run struct {
	*testing.T
	proxy  *proxy
	col    *collector
	lambda *lambdatest.Environment
	record string
	stderr *bytes.Buffer // complete when lambda is closed
	ctx    context.Context
}

// newRun starts a Collector and the function.
func newRun(t *testing.T, env ...string) *run {
	t.Helper()
	s := &run{T: t, col: startCollector(t), record: filepath.Join(t.TempDir(), "ended.json"), stderr: new(bytes.Buffer)}
	s.proxy = startProxy(t, s.col.url)
	lambda, err := lambdatest.New(lambdatest.Config{
		FunctionName: "function", MemorySize: 256, Timeout: functionTimeout, ShutdownWindow: window, Stderr: s.stderr,
		Env: append([]string{
			"E2E_RECORD=" + s.record, "OTEL_EXPORTER_OTLP_ENDPOINT=" + s.proxy.url(), "EPILOGUE_FLUSH_TIMEOUT=" + flushTimeout.String(),
			"GORACE=atexit_sleep_ms=0", // otherwise the race detector takes a second of the shutdown window
		}, env...),
	}, lambdatest.Command(buildFunction(t)))
	if err != nil {
		t.Fatal(err)
	}
	s.lambda = lambda
	t.Cleanup(func() { _ = lambda.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	t.Cleanup(cancel)
	s.ctx = ctx
	return s
}

// buildFunction compiles the function.
func buildFunction(t *testing.T) string { return build(t, ".", "./function", nil, raceFlags) }

// order is the payload of an invocation; see function/work.go.
type order struct {
	Spans       int
	Plain, Stay bool
}

// invoke makes the function end n spans besides the invocation's own two, and returns when the environment is frozen.
func (s *run) invoke(n int) {
	s.Helper()
	res := s.send(order{Spans: n})
	if res.FunctionError != "" || string(res.Payload) != `"done"` {
		s.Errorf("the caller got %s %s", res.FunctionError, res.Payload)
	}
}

// send makes a call and returns when the environment is frozen or gone.
func (s *run) send(o order) lambdatest.Response {
	s.Helper()
	payload, err := json.Marshal(o)
	if err != nil {
		s.Fatal(err)
	}
	res, err := s.lambda.Invoke(s.ctx, lambdatest.Invocation{Payload: payload})
	if err := errors.Join(err, s.lambda.WaitIdle(s.ctx)); err != nil {
		s.Fatalf("%v\n%s", err, s.lambda.Log())
	}
	return res
}

// freeze leaves the environment frozen for longer than the Collector keeps an idle connection.
func (s *run) freeze() { letTimePass(freeze) }

// shutdown ends the environment and the Collector, and checks their durations.
func (s *run) shutdown() {
	s.Helper()
	exit, err := s.lambda.Shutdown(s.ctx)
	_ = s.lambda.Close()
	if err != nil || exit.Code != 0 || exit.Killed {
		s.Errorf("shutdown: %+v, %v\n%s\n%s", exit, err, s.lambda.Log(), s.stderr)
	}
	s.proxy.down()
	s.col.stop(s.T)
	for _, r := range lambdatest.Invocations(s.lambda.Log().Events()) {
		if r.TimedOut || r.AfterResponse > flushTimeout+slack {
			s.Errorf("invocation %s was held for %s after its response, timed out: %t", r.RequestID, r.AfterResponse, r.TimedOut)
		}
	}
	if n := strings.Count(s.stderr.String(), "\n"); n > stormLines {
		s.Errorf("the log has %d lines:\n%s", n, s.stderr)
	}
	if strings.Contains(s.stderr.String(), "DATA RACE") {
		s.Errorf("the function has a data race:\n%s", s.stderr)
	}
}
