package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
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

// run is a function in the local Lambda.
type run struct {
	*testing.T
	lambda    *lambdatest.Environment
	ctx       context.Context
	record    string       // the file for the spans that end
	out, errs bytes.Buffer // complete when lambda is closed
}

// start starts the function at path, whose spans go to the endpoint.
func start(t *testing.T, path, endpoint string, config lambdatest.Config, env ...string) *run {
	t.Helper()
	r := &run{T: t, record: filepath.Join(t.TempDir(), "ended")}
	config.FunctionName, config.Stdout, config.Stderr = filepath.Base(path), &r.out, &r.errs
	config.Env = slices.Concat(config.Env, env, []string{
		"E2E_RECORD=" + r.record, "OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint, "EPILOGUE_FLUSH_TIMEOUT=" + flushTimeout.String(),
		"GORACE=atexit_sleep_ms=0", // otherwise the race detector takes a second of the shutdown window
	})
	lambda, err := lambdatest.New(config, lambdatest.Command(path))
	if err != nil {
		t.Fatal(err)
	}
	r.lambda = lambda
	t.Cleanup(func() { _ = lambda.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	t.Cleanup(cancel)
	r.ctx = ctx
	return r
}

// log is the function's log.
func (r *run) log() string { return r.out.String() + r.errs.String() }

// order is the payload of an invocation; see function/work.go.
type order struct {
	Spans       int
	Plain, Stay bool
}

// send makes a call and returns when the environment is frozen or gone.
func (r *run) send(o order) lambdatest.Response {
	r.Helper()
	payload, err := json.Marshal(o)
	if err != nil {
		r.Fatal(err)
	}
	return r.invoke(lambdatest.Invocation{Payload: payload})
}

func (r *run) invoke(i lambdatest.Invocation) lambdatest.Response {
	r.Helper()
	res, err := r.lambda.Invoke(r.ctx, i)
	if err := errors.Join(err, r.lambda.WaitIdle(r.ctx)); err != nil {
		r.Fatalf("%v\n%s", err, r.lambda.Log())
	}
	return res
}

// end ends the environment. The process has to exit inside its window.
func (r *run) end() {
	r.Helper()
	exit, err := r.lambda.Shutdown(r.ctx)
	_ = r.lambda.Close() // all of the log is written when it returns
	if err != nil || exit.Code != 0 || exit.Killed {
		r.Errorf("shutdown: %+v, %v\n%s\n%s", exit, err, r.lambda.Log(), r.log())
	}
	if strings.Contains(r.log(), "DATA RACE") {
		r.Errorf("the function has a data race:\n%s", r.log())
	}
}

// proxied is the function with a proxy between it and a Collector.
type proxied struct {
	*run
	proxy *proxy
	col   *collector
}

// startProxied starts a Collector and the function.
func startProxied(t *testing.T, env ...string) *proxied {
	t.Helper()
	col := startCollector(t)
	proxy := startProxy(t, col.url)
	config := lambdatest.Config{MemorySize: 256, Timeout: functionTimeout, ShutdownWindow: window}
	return &proxied{start(t, build(t, ".", "./function", nil, raceFlags), proxy.url(), config, env...), proxy, col}
}

// spansEach is how many spans an invocation ends besides its own two: in requests of about 25 KB.
const spansEach = 30

// invokeTimes makes the function end spansEach spans in each of n invocations.
func (s *proxied) invokeTimes(n int) {
	s.Helper()
	for range n {
		if res := s.send(order{Spans: spansEach}); res.FunctionError != "" || string(res.Payload) != `"done"` {
			s.Errorf("the caller got %s %s", res.FunctionError, res.Payload)
		}
	}
}

// freeze leaves the environment frozen for longer than the Collector keeps an idle connection.
func (*proxied) freeze() { letTimePass(freeze) }

// shutdown ends the environment and the Collector, and checks the durations and the length of the log.
func (s *proxied) shutdown() {
	s.Helper()
	s.end()
	s.proxy.down()
	s.col.stop(s.T)
	for _, r := range lambdatest.Invocations(s.lambda.Log().Events()) {
		if r.TimedOut || r.AfterResponse > flushTimeout+slack {
			s.Errorf("invocation %s was held for %s after its response, timed out: %t", r.RequestID, r.AfterResponse, r.TimedOut)
		}
	}
	if n := strings.Count(s.log(), "\n"); n > stormLines {
		s.Errorf("the log has %d lines:\n%s", n, s.log())
	}
}
