package agent

import (
	"context"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/shutdown"
	"github.com/epilogue-go/epilogue/internal/counts"
)

// shutdownPhase says how far the shutdown is:
//
//	running ──begin──▶ draining ──complete──▶ drained
//
// After a signal the process ends while it drains. Only watch changes the phase.
type shutdownPhase struct {
	draining chan struct{} // closed by begin: the loop releases the invocation that it holds, and asks for nothing
	drained  chan struct{} // closed by complete: the process lives on without its telemetry
}

func newShutdownPhase() shutdownPhase {
	return shutdownPhase{draining: make(chan struct{}), drained: make(chan struct{})}
}

// begin returns the time at which the shutdown began.
func (p shutdownPhase) begin() time.Time {
	close(p.draining)
	return time.Now()
}

func (p shutdownPhase) complete() { close(p.drained) }

// hasBegun reports whether the shutdown is under way or over.
func (p shutdownPhase) hasBegun() bool { return isClosed(p.draining) }

// isDraining reports whether the shutdown is under way. After a signal it is until the end of the process.
func (p shutdownPhase) isDraining() bool { return isClosed(p.draining) && !isClosed(p.drained) }

// isClosed reports whether c, on which nothing is sent, has been closed.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

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
	var done *shutdown.Report
	// A signal, or the end of the process, may be the reason why ctx ended, and then counts instead.
	if len(signals) == 0 && !isClosed(a.process.Done) {
		began := a.phase.begin()
		a.log.Log(slog.LevelInfo, "agent: context ended, shutting telemetry down")
		done = a.drain(final, began, "the telemetry's context ended", false)
		done.Log(a.log)
		a.phase.complete()
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
func (a *Agent) exit(ctx context.Context, sig os.Signal, done *shutdown.Report) {
	received := signalName(sig) + " received"
	logged := make(chan struct{})
	logReceived := func() {
		defer close(logged)
		a.log.Log(slog.LevelInfo, received)
	}
	if done != nil {
		done.Restart()
		logReceived()
	} else {
		began := a.phase.begin()
		go logReceived()
		go a.process.holdOffGC(a.process.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))
		done = a.drain(ctx, began, received, a.meansTimeout(sig))
	}
	<-logged
	done.Log(a.log)
	a.process.Exit(0)
}

// sigtermDelay is how long after an invocation's deadline SIGTERM may take to be noticed, in a process with little CPU.
const sigtermDelay = 200 * time.Millisecond

// waitForShutdown waits for the end of a shutdown under way, which after a signal is the end of the process. After the
// deadline of an invocation it first waits for a shutdown to begin, since SIGTERM follows a timeout. Otherwise it returns
// immediately. aws-lambda-go exits with code 1 after a panic, a refused response or a late error. That exit must not cut
// the shutdown short.
func (a *Agent) waitForShutdown(deadline time.Time) {
	m := a.mode.load()
	if !deadline.IsZero() && !time.Now().Before(deadline) && m.freezes() && m.registered() {
		a.waitFor(a.phase.draining, sigtermDelay)
	}
	if a.phase.isDraining() {
		now := time.Now()
		a.waitFor(a.phase.drained, a.settings.Budget.PlanShutdown(now, false).End.Sub(now))
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

// drain shuts the telemetry down. timedOut says that the invocations in flight have timed out.
func (a *Agent) drain(ctx context.Context, began time.Time, why string, timedOut bool) *shutdown.Report {
	s := shutdown.Shutdown{
		Plan:         a.settings.Budget.PlanShutdown(began, a.sharesWindow),
		Flusher:      a.flusher,
		FlushCalls:   a.flushCalls,
		Hooks:        a.hooks,
		Why:          why,
		TimedOut:     timedOut,
		InFlight:     a.invocations.InFlight,
		EndOpenSpans: a.endOpenSpans,
		ReportPath:   a.process.Getenv(counts.ReportVariable),
	}
	return s.Run(ctx)
}
