package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/agent/internal/flushcalls"
	"github.com/epilogue-go/epilogue/internal/bounded"
)

// watch owns the shutdown, from Start to the end of the process. It drains the telemetry once, at the first signal or
// when ctx ends, and ends the process at the first signal.
func (a *Agent) watch(ctx context.Context, signals chan os.Signal) {
	defer a.stop() // also if Exit ends this goroutine
	defer a.process.StopNotify(signals)

	final := context.WithoutCancel(ctx) // the last work must not end with its cause
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
	var done *shutdownReport
	// A signal, or the end of the process, may be the reason why ctx ended, and then counts instead.
	if len(signals) == 0 && !isClosed(a.process.Done) {
		began := a.beginDraining()
		a.log.Log(slog.LevelInfo, "agent: context ended, shutting telemetry down")
		done = a.drain(final, began, "the telemetry's context ended", false)
		a.logShutdown(done)
		close(a.drained)
	}
	select {
	case sig := <-signals:
		a.exit(final, sig, done)
	case <-a.noExtension: // no SIGTERM will come, and nothing is left to save from one
	case <-a.process.Done:
	case <-a.life.Done():
	}
}

// exit answers a signal: it drains, unless that has been done, and ends the process. Telemetry comes before the log: the
// line about the signal is written during the drain.
func (a *Agent) exit(ctx context.Context, sig os.Signal, done *shutdownReport) {
	received := signalName(sig) + " received"
	logged := make(chan struct{})
	logReceived := func() {
		defer close(logged)
		a.log.Log(slog.LevelInfo, received)
	}
	if done != nil {
		done.end = time.Now().Add(done.window)
		logReceived()
	} else {
		began := a.beginDraining()
		go logReceived()
		go a.process.holdOffGC(a.process.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))
		done = a.drain(ctx, began, received, a.meansTimeout(sig))
	}
	<-logged
	a.logShutdown(done)
	a.process.Exit(0)
}

// sigtermDelay is how long after an invocation's deadline SIGTERM may take to be noticed, in a process with little CPU.
const sigtermDelay = 200 * time.Millisecond

// waitForShutdown waits for the end of a shutdown that is under way, or that the passed deadline of an invocation brings
// about. After a signal that is the end of the process. aws-lambda-go exits with code 1 after a panic, a refused
// response, or an error that comes too late: that must not cut the shutdown short. Before the deadline, and without a
// shutdown, waitForShutdown returns immediately.
func (a *Agent) waitForShutdown(deadline time.Time) {
	m := a.mode.load()
	if !deadline.IsZero() && !time.Now().Before(deadline) && m.freezes() && m != unregistered {
		a.waitFor(a.draining, sigtermDelay)
	}
	if a.isDraining() {
		now := time.Now()
		a.waitFor(a.drained, a.settings.budget.PlanShutdown(now, false).End.Sub(now))
	}
}

// waitFor waits until c is closed, at most for d.
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

// meansTimeout reports whether the signal means that an invocation in flight has timed out. The platform ends an
// environment that freezes only between invocations, or because one has timed out (AWS Lambda Developer Guide, Lambda
// execution environment lifecycle). It never sends SIGINT.
func (a *Agent) meansTimeout(sig os.Signal) bool {
	return sig == syscall.SIGTERM && a.mode.load().freezes()
}

// beginDraining makes the loop release what it holds and ask for nothing any more. It returns the time at which the
// window began.
func (a *Agent) beginDraining() time.Time {
	close(a.draining)
	return time.Now()
}

// drain ends the open spans, runs the hooks, flushes and shuts down, within the window. Each part has a context of its
// own. timeout says that an invocation in flight has timed out.
func (a *Agent) drain(ctx context.Context, began time.Time, why string, timeout bool) *shutdownReport {
	p := a.settings.budget.PlanShutdown(began, a.sharesWindow)
	a.flushCalls.Limit(p.Flush, p.Shutdown)

	r := &shutdownReport{end: p.End, window: p.Window}
	r.fail("set exit deadline", a.announceExit(ctx, p.Shutdown))
	r.fail("end open spans", a.endAllOpenSpans(ctx, p, why, timeout, r))
	r.fail("hook", a.runHooks(ctx, p))
	a.flushAndShutDown(ctx, p, r)
	r.fail("counts", a.count(ctx, p, r))
	r.took = time.Since(began)
	r.fail("report", a.writeReport(ctx, r))
	return r
}

// announceExit tells the Pipeline that its last moments have begun.
func (a *Agent) announceExit(ctx context.Context, end time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, budget.ReturnGrace)
	defer cancel()
	return a.flusher.SetExitDeadline(ctx, end)
}

// endAllOpenSpans ends the open spans: those of invocations in flight with a reason of their own, then all others. A
// timeout interrupts the latter as well, such as a span above the invocation's root.
func (a *Agent) endAllOpenSpans(ctx context.Context, p budget.ShutdownPlan, why string, timeout bool, r *shutdownReport) error {
	var roots [][8]byte
	r.inFlight, roots = a.invocations.InFlight()
	errorType, meaning := "", ""
	if timeout && r.inFlight > 0 {
		errorType, meaning = timeoutType, ": the invocation timed out"
	}
	end := budget.Share(time.Now(), p.Hooks, 1+len(a.settings.hooks))
	ctx, cancel := context.WithDeadline(ctx, end.Add(-2*budget.ReturnGrace))
	defer cancel()
	var errs error
	endSpans := func(roots [][8]byte, reason string) {
		n, err := a.flusher.EndOpenSpans(ctx, roots, errorType, reason)
		r.spansEnded += n
		a.counters.openSpansEnded.Add(int64(n))
		errs = errors.Join(errs, err)
	}
	if len(roots) > 0 {
		endSpans(roots, why+" during the invocation"+meaning)
	}
	endSpans(nil, why+meaning)
	return errs
}

// runHooks runs the hooks in order. The time that one does not use is for those that follow.
func (a *Agent) runHooks(ctx context.Context, p budget.ShutdownPlan) (errs error) {
	for i, hook := range a.settings.hooks {
		if err := runHook(ctx, budget.Share(time.Now(), p.Hooks, len(a.settings.hooks)-i), hook); err != nil {
			errs = errors.Join(errs, fmt.Errorf("%d of %d: %w", i+1, len(a.settings.hooks), err))
		}
	}
	return errs
}

func runHook(ctx context.Context, end time.Time, hook func(context.Context)) error {
	ctx, cancel := context.WithDeadline(ctx, end.Add(-budget.ReturnGrace))
	defer cancel()
	return bounded.Run(ctx, budget.ReturnGrace, hook)
}

// flushAndShutDown flushes for the last time and shuts the Flusher down: after the flush, or concurrently with it if the
// flush takes most of the time. To end the flush for Shutdown would discard its request for one that has less time.
func (a *Agent) flushAndShutDown(ctx context.Context, p budget.ShutdownPlan, r *shutdownReport) {
	flushed := make(chan error, 1)
	go func() { flushed <- a.flushCalls.Flush(p.Shutdown) }() // which returns budget.ReturnGrace later at the latest
	handover := time.NewTimer(time.Until(p.Flush))
	defer handover.Stop()
	select {
	case err := <-flushed:
		r.fail("flush", err)
		flushed = nil
	case <-handover.C:
	}
	a.flushCalls.Close()
	err := a.shutdown(ctx, p)
	if flushed != nil {
		// A call that had not begun, behind another one, has left its work to Shutdown.
		if err := <-flushed; !errors.Is(err, flushcalls.ErrClosed) {
			r.fail("flush", err)
		}
	}
	r.fail("shutdown", err)
}

// shutdown shuts the Flusher down.
func (a *Agent) shutdown(ctx context.Context, p budget.ShutdownPlan) error {
	ctx, cancel := context.WithDeadline(ctx, p.Shutdown)
	defer cancel()
	return a.flusher.Shutdown(ctx)
}
