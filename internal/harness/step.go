package harness

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// Step is one thing that happens in a scenario.
type Step func(*Run)

// exitError is what a caller is told about a process that ends before it has posted.
const exitError = "Runtime.ExitError"

// Invoke makes one call after the other, each when the environment is idle.
func Invoke(calls ...Call) Step {
	return func(r *Run) {
		for _, c := range calls {
			r.Call(c)
			r.WaitIdle()
		}
	}
}

// Together makes calls at the same time.
func Together(calls ...Call) Step {
	return func(r *Run) {
		r.Start(calls...)()
		r.WaitIdle()
	}
}

// InvokeDuring makes last while the handlers of others run. It waits until last has ended the process.
func InvokeDuring(last Call, others ...Call) Step {
	return func(r *Run) {
		wait := r.Start(others...)
		r.WaitStarted(len(others))
		r.Call(last)
		wait()
		r.WaitExit()
	}
}

// InvokeToExit makes a call that ends the process by itself.
func InvokeToExit(c Call) Step { return func(r *Run) { r.Call(c); r.WaitExit() } }

// SetFault says how the backend treats all requests from now on.
func SetFault(f Fault) Step { return func(r *Run) { r.Receiver.SetFault(f) } }

// FaultNext says how the backend treats the next requests with spans, and the next ones with log records. Most invocations
// send no metrics: their next request may be the last of the process.
func FaultNext(faults ...Fault) Step {
	return func(r *Run) {
		for _, signal := range []otlpreceiver.Signal{otlpreceiver.Traces, otlpreceiver.Logs} {
			for _, f := range faults {
				f.Only = signal
				r.Receiver.FailNext(f)
			}
		}
	}
}

// CutConnections resets all connections to the backend.
func CutConnections(r *Run) { r.Receiver.CutConnections() }

// CloseConnections closes them in an orderly way.
func CloseConnections(r *Run) { r.listener.closeAll() }

// Freeze keeps the environment frozen for d, if time is virtual.
func Freeze(d time.Duration) Step {
	return func(r *Run) {
		if r.Virtual {
			time.Sleep(d)
		}
	}
}

// Shutdown ends the environment as the platform does.
func Shutdown(r *Run) { ShutdownWith(0)(r) }

// ShutdownWith is Shutdown with another exit code: -1 without an extension, since the platform sends SIGKILL alone.
func ShutdownWith(code int) Step {
	return func(r *Run) {
		r.expectExit(code)
		exit, err := r.Env.Shutdown(r.ctx)
		if err != nil || exit.Code != code {
			r.Errorf("Shutdown: %+v, %v; want exit code %d", exit, err, code)
		}
	}
}

// Signal sends a signal to the process, which has to end with code 0.
func Signal(sig syscall.Signal) Step {
	return func(r *Run) {
		r.expectExit(0)
		r.Log.Add(eventlog.Event{Kind: KindSignal, Detail: sig.String()})
		if err := r.Env.Signal(sig); err != nil {
			r.abort(err)
		}
	}
}

// KindKill is a SIGKILL that the test sends in the platform's place.
const KindKill eventlog.Kind = "kill.sent"

// Kill ends the process with SIGKILL.
func Kill(r *Run) {
	r.expectExit(-1)
	r.Log.Add(eventlog.Event{Kind: KindKill})
	if err := r.Env.Signal(syscall.SIGKILL); err != nil {
		r.abort(err)
	}
}

// Release lets the requests go on that the backend holds. One of them may not yet be that far, so the step repeats until no
// request is under way.
func Release(r *Run) {
	for r.ctx.Err() == nil {
		r.Receiver.Unblock()
		ctx, cancel := context.WithTimeout(r.ctx, 5*time.Millisecond)
		<-ctx.Done()
		cancel()
		underWay := slices.ContainsFunc(findExports(r.Log.Events()), func(x export) bool { return x.ended.Kind == "" })
		if !underWay {
			return
		}
	}
}

// Interrupt makes a call and sends a signal when its handler has started, or, if the handler returns, when its flush has
// begun and gone on for d of virtual time.
func Interrupt(c Call, sig syscall.Signal, d time.Duration) Step {
	return func(r *Run) {
		seq := len(r.Log.Events())
		wait := r.Start(c)
		begun := Of(otlpreceiver.KindExportBegun)
		if c.ErrorType == exitError {
			begun = Line(HandlerStarted)
		}
		r.Wait(seq, begun)
		Freeze(d)(r)
		Signal(sig)(r)
		wait()
		r.WaitIdle()
	}
}

// Repeat takes steps so many times.
func Repeat(n int, steps ...Step) Step {
	return func(r *Run) {
		for range n {
			for _, step := range steps {
				step(r)
			}
		}
	}
}

// Start makes calls at the same time and returns a function that waits for their answers.
func (r *Run) Start(calls ...Call) (wait func()) {
	var all sync.WaitGroup
	for _, c := range calls {
		all.Go(func() { r.Call(c) })
	}
	return all.Wait
}

// Call makes a call and compares its answer.
func (r *Run) Call(c Call) {
	m := r.add(c)
	response, err := r.Env.Invoke(r.ctx, lambdatest.Invocation{RequestID: m.ID, Payload: []byte(c.Payload), TraceHeader: c.Trace})
	if err != nil {
		r.abort(errors.Join(errors.New(m.ID+", "+c.Name), err))
		return
	}
	m.Waited = time.Since(m.Began)
	if c.MayExit && response.ErrorType == exitError {
		return
	}
	if c.Inspect != nil && response.FunctionError == "" {
		r.Error(c.Inspect(response.Payload))
		return
	}
	if response.ErrorType != c.ErrorType || c.ErrorType == "" && string(response.Payload) != c.Answer {
		r.Errorf("%s, %s: answered %q %.200s; want %q %s", m.ID, c.Name, response.ErrorType, response.Payload, c.ErrorType, c.Answer)
	}
}

func (r *Run) add(c Call) *Made {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.ID == "" {
		c.ID = "request-" + strconv.Itoa(1+len(r.Calls))
	}
	m := &Made{Call: c, Began: time.Now()}
	r.Calls = append(r.Calls, m)
	if c.Exit != nil {
		r.exits = append(r.exits, *c.Exit)
	}
	return m
}

func (r *Run) expectExit(code int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exits = append(r.exits, code)
}

// WaitIdle waits until the environment is idle: frozen, or without a process.
func (r *Run) WaitIdle() {
	if err := r.Env.WaitIdle(r.ctx); err != nil {
		r.abort(err)
	}
}

// Wait waits for an event from seq on that has come or comes.
func (r *Run) Wait(seq int, match func(eventlog.Event) bool) {
	if _, err := r.Log.Wait(r.ctx, seq, match); err != nil {
		r.abort(err)
	}
}

// WaitExit waits until the process has ended by itself and the environment is idle.
func (r *Run) WaitExit() {
	r.Wait(0, Of(lambdatest.KindProcessExit))
	r.WaitIdle()
}

// WaitStarted waits until n handlers have started in all.
func (r *Run) WaitStarted(n int) {
	r.Wait(0, func(e eventlog.Event) bool {
		if e.Kind == KindLine && strings.HasPrefix(e.Detail, HandlerStarted) {
			n--
		}
		return n == 0
	})
}

// WaitArrived waits until n spans have arrived, and no more.
func WaitArrived(n int) Step {
	return func(r *Run) {
		r.Wait(0, func(e eventlog.Event) bool {
			return e.Kind == otlpreceiver.KindExportDone && len(r.Receiver.Spans()) >= n
		})
		Arrived(n)(r)
	}
}

// Arrived compares how many different spans have arrived by now.
func Arrived(want int) Step {
	return func(r *Run) {
		if got := len(r.Receiver.Spans()) - r.Receiver.Duplicates(); got != want {
			r.Errorf("%d spans have arrived; want %d", got, want)
		}
	}
}
