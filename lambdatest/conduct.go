package lambdatest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// conduct runs r to the end of its phase. It starts a process if none runs, and resets the environment if the phase fails.
// The caller holds a place. The error is a process that cannot be started, a request ID in use, or ErrClosed; otherwise
// the invocation's caller has its answer.
func (e *Environment) conduct(r *run) error {
	box, err := e.prepare(r)
	if box == nil || err != nil {
		return err
	}
	if !box.admit(r) {
		return fmt.Errorf("request id %q belongs to an invocation that is under way", r.RequestID)
	}
	box.thaw()
	gap := time.NewTimer(e.config.OrderGap)
	defer gap.Stop()
	if !box.dispatch(r, e.draw()) {
		gap.Stop()
	}
	deadline := time.NewTimer(time.Until(r.deadline))
	defer deadline.Stop()
	for {
		select {
		case <-r.finished:
			return nil
		case <-gap.C:
			box.releaseRest(r)
		case <-deadline.C:
			if box.expire(r) && !e.config.ManagedInstances {
				e.end(box)
			}
			return nil
		case <-box.proc.done():
			box.abandon(r, r.exited(box.outcome()))
			return nil
		case <-box.condemned:
			box.abandon(r, failure(*box.verdict))
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
func (e *Environment) prepare(r *run) (*sandbox, error) {
	if err := e.take(context.Background(), e.life); err != nil {
		return nil, err
	}
	defer func() { <-e.life }()
	switch box := e.running(); {
	case box == nil:
	case box.isCondemned(): // since the last invocation, or by a concurrent one
		e.endHolding(box)
	default:
		return box, nil
	}
	e.clear()
	r.cold = true
	box, err := e.launch()
	if err != nil {
		return nil, err
	}
	limit := time.NewTimer(e.config.InitTimeout)
	defer limit.Stop()
	var failed Response
	select {
	case <-box.ready:
		return box, nil
	case <-box.proc.done():
		failed = r.exited(box.outcome())
	case <-box.condemned:
		failed = failure(*box.verdict)
	case <-limit.C:
		failed = r.timeout(e.config.InitTimeout)
	case <-e.closing:
		return nil, ErrClosed
	}
	box.add(eventlog.Event{Kind: KindInitFailed, RequestID: r.RequestID, Detail: failed.ErrorType})
	r.reply(e.config.Log, failed)
	e.endHolding(box)
	return nil, nil
}

// launch starts a process. The caller holds life.
func (e *Environment) launch() (*sandbox, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	e.number++
	box := newSandbox(&e.config, e.number)
	box.add(eventlog.Event{Kind: KindProcessStart, Count: e.number, Detail: e.program.String()})
	proc, err := e.program.start(box.boot())
	if err != nil {
		box.add(eventlog.Event{Kind: KindInitFailed, Detail: err.Error()})
		return nil, fmt.Errorf("start process: %w", err)
	}
	box.proc = proc
	e.box = box
	return box, nil
}

// running returns the process if it has not ended.
func (e *Environment) running() *sandbox {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.box == nil || e.box.hasEnded() {
		return nil
	}
	return e.box
}

// clear removes a process that has ended. Its resources are released in the background, and Close waits for that. The
// caller holds life.
func (e *Environment) clear() {
	e.mu.Lock()
	box := e.box
	e.box = nil
	e.mu.Unlock()
	if box != nil {
		box.leave()
		e.wait.Go(box.proc.close)
	}
}

// end ends the process: SIGTERM and a window if an extension is registered, then SIGKILL.
func (e *Environment) end(box *sandbox) {
	e.life <- struct{}{}
	defer func() { <-e.life }()
	e.endHolding(box)
}

// endHolding is end. The caller holds life.
func (e *Environment) endHolding(box *sandbox) {
	if box.hasExtension() && box.noteEnding(KindSigterm, e.config.ShutdownWindow) {
		box.proc.signal(syscall.SIGTERM)
		window := time.NewTimer(e.config.ShutdownWindow)
		defer window.Stop()
		select {
		case <-box.proc.done():
		case <-window.C:
		case <-e.closing:
		}
	}
	box.kill()
}
