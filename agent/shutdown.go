package agent

import (
	"context"
	"log/slog"
	"os"
	"syscall"
	"time"
)

// shutdownPhase says how far the shutdown is:
//
//	running ──▶ draining ──▶ drained
//
// After a signal the process ends while it drains, except with [WithoutExit]. Only watch changes the phase.
type shutdownPhase struct {
	draining chan struct{} // closed when it begins: the loop releases the invocation that it holds, and asks for nothing
	drained  chan struct{} // closed when it is over and the process lives on without its telemetry
}

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

// watch owns the shutdown, from Start to the end of the process. It shuts the telemetry down once, at the first signal or
// when ctx ends, and ends the process at the first signal.
func (a *Agent) watch(ctx context.Context) {
	defer a.stop() // also if Exit ends this goroutine
	defer a.process.StopNotify(a.signals)
	defer a.leave()

	final := context.WithoutCancel(ctx) // the last work must not end with its cause
	ended := ctx.Done()
	for {
		select {
		case sig := <-a.signals:
			a.exit(final, sig)
		case <-ended:
			ended = nil
			// A signal, or the end of the process, may be the reason why ctx ended, and then counts instead.
			if len(a.signals) == 0 && !isClosed(a.process.Done) && !a.phase.hasBegun() {
				a.shutDown(final, "agent: context ended, shutting telemetry down", "the telemetry's context ended", false)
				close(a.phase.drained)
			}
		case <-a.process.Done:
			return
		case <-a.life.Done():
			return
		}
	}
}

// exit answers a signal: it shuts the telemetry down, unless that has been done, and ends the process, unless that is
// left to the program or to another agent that still shuts down.
func (a *Agent) exit(ctx context.Context, sig os.Signal) {
	received := "SIGTERM received"
	if sig == syscall.SIGINT {
		received = "SIGINT received"
	}
	if a.phase.hasBegun() {
		a.log.Log(slog.LevelInfo, received)
	} else {
		if !a.settings.WithoutExit {
			go a.process.holdOffGC(a.process.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))
		}
		// The platform ends an environment that freezes only between invocations, or because one has timed out (AWS
		// Lambda Developer Guide, Lambda execution environment lifecycle). It never sends SIGINT.
		timedOut := sig == syscall.SIGTERM && a.mode.load().freezes()
		a.shutDown(ctx, received, received, timedOut)
	}
	last, livesOn := a.readyToExit()
	if livesOn {
		a.process.StopNotify(a.signals) // the next one has its usual effect
		if a.phase.isDraining() {
			close(a.phase.drained)
		}
	}
	if last {
		a.process.Exit(0)
		a.stop()
	}
}

// shutDown shuts the telemetry down and logs the result. Telemetry comes before the log: the line about the beginning is
// written meanwhile. why is the reason for the spans that are open, and timedOut says that the invocations in flight
// have timed out.
func (a *Agent) shutDown(ctx context.Context, line, why string, timedOut bool) {
	close(a.phase.draining)
	d := drain{Agent: a, plan: a.settings.Budget.PlanShutdown(time.Now(), a.sharesWindow), why: why, timedOut: timedOut}
	d.inFlight, d.roots = a.invocations.InFlight()
	logged := make(chan struct{})
	go func() {
		defer close(logged)
		a.log.Log(slog.LevelInfo, line)
	}()
	if timedOut {
		a.timeouts.notify(a.life, d.inFlight...)
	}
	d.run(ctx)
	<-logged
	d.logResult()
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
