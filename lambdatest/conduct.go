package lambdatest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/internal/api"
	"github.com/epilogue-go/epilogue/lambdatest/internal/sandbox"
)

// conduct runs r to the end of its phase. It starts a process if none runs, and resets the environment if the phase fails.
// The caller holds a place. The error is a process that cannot be started, a request ID in use, or ErrClosed; otherwise
// the invocation's caller has its answer.
func (e *Environment) conduct(r *sandbox.Run) error {
	box, err := e.prepare(r)
	if box == nil || err != nil {
		return err
	}
	if !box.Admit(r) {
		return fmt.Errorf("request id %q belongs to an invocation that is under way", r.RequestID)
	}
	box.Thaw()
	gap := time.NewTimer(e.config.OrderGap)
	defer gap.Stop()
	if !box.Dispatch(r, e.draw()) {
		gap.Stop()
	}
	deadline := time.NewTimer(time.Until(r.Deadline))
	defer deadline.Stop()
	for {
		select {
		case <-r.Finished:
			return nil
		case <-gap.C:
			box.ReleaseRest(r)
		case <-deadline.C:
			if box.Expire(r) && !e.config.ManagedInstances {
				e.end(box)
			}
			return nil
		case <-box.Done():
			box.Abandon(r, r.Exited(box.Outcome()))
			return nil
		case <-box.Condemned():
			verdict, _ := box.Verdict()
			box.Abandon(r, verdict)
			e.end(box)
			return nil
		case <-e.closing:
			return ErrClosed
		}
	}
}

// draw returns a random source for one decision.
func (e *Environment) draw() *rand.Rand {
	e.mu.Lock()
	defer e.mu.Unlock()
	return rand.New(rand.NewPCG(e.random.Uint64(), e.random.Uint64()))
}

// prepare returns a process that is ready for r, and starts one if none runs. It returns nil if Init failed; the caller
// then has the error.
func (e *Environment) prepare(r *sandbox.Run) (*sandbox.Sandbox, error) {
	if err := e.take(context.Background(), e.life); err != nil {
		return nil, err
	}
	defer func() { <-e.life }()
	if box := e.running(); box != nil {
		if _, condemned := box.Verdict(); !condemned {
			return box, nil
		}
		e.endHolding(box) // condemned since the last invocation, or by a concurrent one
	}
	e.clear()
	r.Cold = true
	box, err := e.launch()
	if err != nil {
		return nil, err
	}
	limit := time.NewTimer(e.config.InitTimeout)
	defer limit.Stop()
	var failed sandbox.Result
	select {
	case <-box.Ready():
		return box, nil
	case <-box.Done():
		failed = r.Exited(box.Outcome())
	case <-box.Condemned():
		failed, _ = box.Verdict()
	case <-limit.C:
		failed = r.TimedOut(e.config.InitTimeout)
	case <-e.closing:
		return nil, ErrClosed
	}
	box.FailInit(r, failed)
	e.endHolding(box)
	return nil, nil
}

// launch starts a process. The caller holds life.
func (e *Environment) launch() (*sandbox.Sandbox, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	e.number++
	box := sandbox.New(e.config.sandbox(), e.number)
	e.config.Log.Add(eventlog.Event{Kind: KindProcessStart, Count: e.number, Detail: e.program.String()})
	proc, err := e.program.start(e.boot(box))
	if err != nil {
		e.config.Log.Add(eventlog.Event{Kind: KindInitFailed, Detail: err.Error()})
		return nil, fmt.Errorf("start process: %w", err)
	}
	box.Attach(proc)
	e.box, e.proc = box, proc
	return box, nil
}

// boot returns the parameters of the program's start in box.
func (e *Environment) boot(box *sandbox.Sandbox) boot {
	c := &e.config
	return boot{
		api: api.New(box, api.Config{
			FunctionName: c.FunctionName, FunctionVersion: c.FunctionVersion, Handler: c.Handler,
			AccountID: c.AccountID, ARN: c.arn(),
			Register: api.Fault(c.Faults.Register), Next: api.Fault(c.Faults.Next),
		}),
		variables: func(runtimeAPI string) []string {
			vars := c.variables(runtimeAPI)
			if c.ProcessEnv != nil {
				vars = append(vars, c.ProcessEnv(box.Number())...)
			}
			return vars
		},
		network: c.Network, stdout: c.Stdout, stderr: c.Stderr, loops: c.Concurrency,
		activity: func(op, address string) {
			c.Log.Add(eventlog.Event{Kind: KindFrozenActivity, Who: address, Detail: op})
		},
		ended: box.Ended,
	}
}

// running returns the process if it has not ended.
func (e *Environment) running() *sandbox.Sandbox {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.box == nil || e.box.HasEnded() {
		return nil
	}
	return e.box
}

// clear removes a process that has ended. Its resources are released in the background, and Close waits for that. The
// caller holds life.
func (e *Environment) clear() {
	e.mu.Lock()
	box, proc := e.box, e.proc
	e.box, e.proc = nil, nil
	e.mu.Unlock()
	if box != nil {
		box.Leave()
		e.wait.Go(proc.close)
	}
}

// end ends the process: SIGTERM and a window if an extension is registered, then SIGKILL.
func (e *Environment) end(box *sandbox.Sandbox) {
	e.life <- struct{}{}
	defer func() { <-e.life }()
	e.endHolding(box)
}

// endHolding is end. The caller holds life.
func (e *Environment) endHolding(box *sandbox.Sandbox) {
	if box.HasExtension() && box.NoteSigterm(e.config.ShutdownWindow) {
		box.Signal(syscall.SIGTERM)
		window := time.NewTimer(e.config.ShutdownWindow)
		defer window.Stop()
		select {
		case <-box.Done():
		case <-window.C:
		case <-e.closing:
		}
	}
	box.Kill()
}
