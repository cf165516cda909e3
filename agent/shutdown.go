package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// watch is the one owner of the shutdown, from Start to the end of the process. It drains the telemetry once, at the
// first signal or when ctx ends, and ends the process at the first signal.
func (a *Agent) watch(ctx context.Context, signals chan os.Signal) {
	defer a.stop() // also where Exit ends this goroutine
	defer a.process.StopNotify(signals)

	final := context.WithoutCancel(ctx) // for the last work, which must not end with what brought it about
	select {
	case sig := <-signals:
		a.exit(final, sig, nil)
		return
	case <-a.process.Done:
		return
	case <-a.life.Done():
		return
	case <-ctx.Done():
	}
	var done *report
	// A signal beats the end of ctx, which may well be its consequence; so does the end of the process.
	if len(signals) == 0 && !isClosed(a.process.Done) {
		began := a.beginDraining()
		a.log.say(info, "agent: context ended, shutting telemetry down")
		done = a.drain(final, began, "the telemetry's context ended", false)
		a.complete(done)
		close(a.resumed)
	}
	select {
	case sig := <-signals:
		a.exit(final, sig, done)
	case <-a.unregistered: // no SIGTERM will come, and there is nothing left to save from one
	case <-a.process.Done:
	case <-a.life.Done():
	}
}

// exit answers a signal: it drains, unless that has been done, and ends the process.
func (a *Agent) exit(ctx context.Context, sig os.Signal, done *report) {
	received := signalName(sig) + " received"
	if done != nil {
		a.log.say(info, received)
	} else {
		began := a.beginDraining()
		go a.process.putOffGC(a.process.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))
		a.log.say(info, received)
		done = a.drain(ctx, began, received, a.meansTimeout(sig))
	}
	a.complete(done)
	a.process.Exit(0)
}

// signalDelay is how long after an invocation's deadline SIGTERM may take to be noticed, in a process with little CPU.
const signalDelay = 200 * time.Millisecond

// outlast waits for the end of a shutdown that is under way, which after a signal is that of the process, and of one
// that the deadline of an invocation brings about. aws-lambda-go ends the process as well, with code 1, after a panic,
// a refused response, and an error that comes too late to be posted: it must not win. Before the deadline, and without
// a shutdown, it returns at once.
func (a *Agent) outlast(deadline time.Time) {
	if !deadline.IsZero() && !time.Now().Before(deadline) && a.state.load().freezes() && !isClosed(a.unregistered) {
		a.waitFor(a.draining, signalDelay)
	}
	if a.isDraining() {
		now := time.Now()
		a.waitFor(a.resumed, a.settings.budget.planShutdown(now, false).end.Sub(now))
	}
}

// waitFor waits for c to be closed, for d at most.
func (a *Agent) waitFor(c <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c:
	case <-a.life.Done():
	case <-timer.C:
	}
}

func signalName(sig os.Signal) string {
	switch sig {
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGINT:
		return "SIGINT"
	default:
		return sig.String()
	}
}

// meansTimeout reports whether the signal tells of an invocation in flight that it has timed out. The platform ends an
// environment that freezes only between invocations, or because one has timed out (AWS Lambda Developer Guide, Lambda
// execution environment lifecycle). SIGINT is never the platform's.
func (a *Agent) meansTimeout(sig os.Signal) bool {
	return sig == syscall.SIGTERM && a.state.load().freezes()
}

// beginDraining comes before anything is said of the shutdown, since the log may be slow: from now on the loop lets go of
// what it holds, and asks for nothing any more. It returns when the window began.
func (a *Agent) beginDraining() time.Time {
	close(a.draining)
	return time.Now()
}

// drain ends the open spans, runs the hooks, flushes and shuts down, within the window. Each part has a context of its
// own, never the one whose end brought the shutdown about. An invocation in flight has timed out where timeout is true.
func (a *Agent) drain(ctx context.Context, began time.Time, why string, timeout bool) *report {
	p := a.settings.budget.planShutdown(began, a.process.hasExternalExtensions())
	a.flights.hurry(p.flush, p.shutdown)

	r := &report{window: p.window, account: slog.GroupValue()}
	r.fail("hasten", a.hasten(ctx, p.shutdown))
	r.fail("end open spans", a.endOpen(ctx, p, why, timeout, r))
	r.fail("hook", a.runHooks(ctx, p))
	a.leave(ctx, p, r)
	r.fail("count", a.count(ctx, p, r))
	r.took = time.Since(began)
	return r
}

// hasten tells the Flusher that its last moments have begun. One that does not return loses what could have been made of
// them, and little of the time.
func (a *Agent) hasten(ctx context.Context, end time.Time) error {
	return until(ctx, time.Now().Add(straggle), func(context.Context) error { return a.flusher.hasten(end) })
}

// endOpen ends the open spans: those of invocations in flight with a reason of their own, then whatever is left. A
// timeout cuts off the latter as well, such as what is above an invocation's root.
func (a *Agent) endOpen(ctx context.Context, p plan, why string, timeout bool, r *report) error {
	roots := a.invocations.roots()
	r.inFlight = len(roots)
	errorType, meaning := "", ""
	if timeout && len(roots) > 0 {
		errorType, meaning = timeoutType, ": the invocation timed out"
	}
	var ended atomic.Int64 // added to even after it has been left behind
	err := until(ctx, share(time.Now(), p.hooks, 1+len(a.settings.hooks)), func(context.Context) error {
		var errs error
		end := func(root [8]byte, reason string) {
			n, err := a.flusher.endOpen(root, errorType, reason)
			ended.Add(int64(n))
			a.counters.endedOpen.Add(int64(n))
			errs = errors.Join(errs, err)
		}
		for _, root := range roots {
			if root != [8]byte{} {
				end(root, why+" during the invocation"+meaning)
			}
		}
		end([8]byte{}, why+meaning)
		return errs
	})
	r.endedOpen = int(ended.Load())
	return err
}

// runHooks runs the hooks one after the other. What one does not use of its share goes to those that follow.
func (a *Agent) runHooks(ctx context.Context, p plan) (errs error) {
	for i, hook := range a.settings.hooks {
		end := share(time.Now(), p.hooks, len(a.settings.hooks)-i)
		err := until(ctx, end, func(ctx context.Context) error { hook(ctx); return nil })
		if err != nil {
			errs = errors.Join(errs, fmt.Errorf("%d of %d: %w", i+1, len(a.settings.hooks), err))
		}
	}
	return errs
}

// leave flushes for the last time and shuts the Flusher down: after the flush, or, where that takes most of the time,
// beside it. A flush that were ended for Shutdown's sake would throw away the request under way, for one that has to
// make it in the little time that is left.
func (a *Agent) leave(ctx context.Context, p plan, r *report) {
	flushed := make(chan error, 1)
	go func() { flushed <- a.flights.flush(p.shutdown) }() // which returns a straggle later at the latest
	handover := time.NewTimer(time.Until(p.flush))
	defer handover.Stop()
	select {
	case err := <-flushed:
		r.fail("flush", err)
		flushed = nil
	case <-handover.C:
	}
	a.flights.ground()
	err := a.shutdown(ctx, p)
	if flushed != nil {
		// One that had not begun, behind another flush, has left it to Shutdown.
		if err := <-flushed; !errors.Is(err, errGrounded) {
			r.fail("flush", err)
		}
	}
	r.fail("shutdown", err)
}

// shutdown shuts the Flusher down.
func (a *Agent) shutdown(ctx context.Context, p plan) error {
	ctx, cancel := context.WithDeadline(ctx, p.shutdown)
	defer cancel()
	return a.flusher.Shutdown(ctx)
}

// count asks the Flusher for its account. It may hang as the Flusher does, behind the same lock. On a busy machine the
// parts before it may have used all of the time; it then has a straggle of the margin.
func (a *Agent) count(ctx context.Context, p plan, r *report) error {
	account := make(chan slog.Value, 1)
	end := time.Now().Add(max(time.Until(p.end), straggle))
	err := until(ctx, end, func(context.Context) error {
		account <- a.flusher.LogValue()
		return nil
	})
	if err == nil {
		r.account = <-account
	}
	return err
}

// until calls fn with a context that ends a straggle before end, and returns at end in any case.
func until(ctx context.Context, end time.Time, fn func(context.Context) error) error {
	ctx, cancel := context.WithDeadline(ctx, end.Add(-straggle))
	defer cancel()
	timer := time.NewTimer(time.Until(end))
	defer timer.Stop()
	done := start(ctx, fn)
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return errStuck
	}
}
