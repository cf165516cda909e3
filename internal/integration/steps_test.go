package integration

import (
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// send makes a call, compares its answer, and waits until the environment is idle.
func (r *run) send(calls ...call) {
	r.Helper()
	for _, c := range calls {
		r.answer(c)
		r.idle()
	}
}

// together makes calls at the same time.
func (r *run) together(calls ...call) {
	r.Helper()
	var wait sync.WaitGroup
	for _, c := range calls {
		wait.Go(func() { r.answer(c) })
	}
	wait.Wait()
	r.idle()
}

// answer makes a call and compares its answer.
func (r *run) answer(c call) {
	r.Helper()
	m := r.note(c)
	response, err := r.env.Invoke(r.ctx, lambdatest.Invocation{
		RequestID: m.id, Payload: []byte(c.payload), TraceHeader: c.trace,
	})
	if err != nil {
		r.Errorf("%s: %v", c.name, err)
		return
	}
	m.wait = time.Since(m.began)
	if response.ErrorType != c.errorType || c.errorType == "" && string(response.Payload) != c.answer {
		r.Errorf("%s: answered %q %.200s; want %q %s", c.name, response.ErrorType, response.Payload, c.errorType, c.answer)
	}
}

// note records that c is made now.
func (r *run) note(c call) *made {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := &made{call: c, id: "request-" + strconv.Itoa(1+len(r.calls)), began: time.Now()}
	r.calls = append(r.calls, m)
	if c.exit != nil {
		r.exits = append(r.exits, *c.exit)
	}
	return m
}

// idle waits until the environment is.
func (r *run) idle() {
	r.Helper()
	if err := r.env.WaitIdle(r.ctx); err != nil {
		r.Fatalf("WaitIdle: %v", err)
	}
}

// collector says how the collector behaves from now on.
func (r *run) collector(f otlpreceiver.Fault) { r.receiver.SetFault(f) }

// freeze lets the environment be frozen for d, where time is virtual.
func (r *run) freeze(d time.Duration) {
	if r.exact {
		time.Sleep(d)
	}
}

// await waits for an event that has come or comes.
func (r *run) await(match func(eventlog.Event) bool) {
	r.Helper()
	if _, err := r.log.Wait(r.ctx, 0, match); err != nil {
		r.Fatal(err)
	}
}

// signal sends a signal to the process as it is, which is to end with code 0.
func (r *run) signal(sig syscall.Signal) {
	r.Helper()
	r.mu.Lock()
	r.exits = append(r.exits, 0)
	r.mu.Unlock()
	r.log.Add(eventlog.Event{Kind: invariant.KindSignal, Detail: sig.String()})
	if err := r.env.Signal(sig); err != nil {
		r.Fatal(err)
	}
}

// interrupted makes a call and sends a signal when its handler has begun, or its flush, where the handler returns.
func (r *run) interrupted(c call, sig syscall.Signal) {
	r.Helper()
	seq := len(r.log.Events())
	var wait sync.WaitGroup
	wait.Go(func() { r.answer(c) })
	r.await(func(e eventlog.Event) bool {
		if e.Seq < seq {
			return false
		}
		if c.errorType == exitError {
			return e.Kind == invariant.KindSaid && strings.HasPrefix(e.Detail, handlerBegun)
		}
		return e.Kind == otlpreceiver.KindExportBegun
	})
	r.signal(sig)
	wait.Wait()
	r.idle()
}

// shutdown ends the environment as the platform does.
func (r *run) shutdown() {
	r.Helper()
	r.end(0)
}

// end is shutdown with another exit code: -1 where there is no extension, so SIGKILL.
func (r *run) end(code int) {
	r.Helper()
	r.exits = append(r.exits, code)
	exit, err := r.env.Shutdown(r.ctx)
	if err != nil || exit.Code != code {
		r.Errorf("Shutdown: %+v, %v; want exit code %d", exit, err, code)
	}
}
