package soak

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// exit is how a process has ended.
type exit struct {
	code    int
	sigterm bool // by the platform or by the test
}

func exitOf(events []eventlog.Event) (x exit, ended bool) {
	for _, e := range events {
		switch e.Kind {
		case lambdatest.KindSigterm, harness.KindSignal:
			x.sigterm = true
		case lambdatest.KindProcessExit:
			x.code, ended = e.Count, true
		}
	}
	return x, ended
}

// checkProcess: a process that lives has delivered its spans, and one that has ended, those that its end allowed.
func (v *virtualRun) checkProcess(o *observed, events []eventlog.Event) error {
	x, over := exitOf(events)
	if !over {
		return v.checkIdle(o)
	}
	lost, open := o.missing()
	ended, late := o.endedSpans()
	v.summary.processes++
	v.summary.exits[x.code]++
	v.summary.spans += ended - late
	v.summary.lost += lost
	if err := v.checkExitCode(x); err != nil {
		return err
	}
	return v.checkEnded(o, x, lost, open)
}

// checkExitCode compares the exit code with the reason for the exit.
func (v *virtualRun) checkExitCode(x exit) error {
	want := -1 // SIGKILL: the platform knew of no extension
	switch {
	case x.sigterm:
		want = 0
	case len(v.calls) > 0 && v.calls[0].end.do == "exit":
		want = harness.ExitCode
	case len(v.calls) > 0 && (v.calls[0].end.do == "panic" || v.calls[0].end.do == "large"):
		want = 1
	}
	if x.code != want || x.code == -1 && v.platform.config.Faults.Register.Status == 0 {
		return fmt.Errorf("the process ended with code %d; want %d", x.code, want)
	}
	return nil
}

// checkIdle: if the backend has been up for a while, no span of a process that lives is pending, unless the strategy
// has deferred a flush.
func (v *virtualRun) checkIdle(o *observed) error {
	s := o.Agent.Stats()
	var err error
	if s.InFlight != 0 {
		err = fmt.Errorf("the agent of an idle process: %+v", s)
	}
	v.gauges.running = max(v.gauges.running, runtime.NumGoroutine())
	// If nothing holds the environment, nothing flushes after a payload that does not decode, and just before the deadline
	// there is no time. If next breaks just before a freeze, the agent learns of it late, and waits for an INVOKE that does
	// not come.
	unflushed := v.platform.nextBroken() || slices.ContainsFunc(v.calls, func(c *call) bool {
		return c.end.notStarted || c.end.do == "late"
	})
	deferred := s.FlushesDeferred > v.before.of(o).deferred
	if deferred {
		v.summary.deferred++
	}
	if deferred && v.platform.strategy == "" {
		err = errors.Join(err, fmt.Errorf("a flush was deferred without a strategy: %+v", s))
	}
	if n := o.SDK.Stats().Pending; n > 0 && v.recovered() && v.behind == 0 && !unflushed && !deferred {
		err = errors.Join(err, fmt.Errorf("%d spans are pending although the backend has been up for %d invocations and %s",
			n, v.mode.lasted, time.Since(v.mode.since)))
	}
	return err
}

// recovered reports whether the backend has been up for long enough that everything has to have been delivered.
func (v *virtualRun) recovered() bool {
	return v.mode.up() && v.mode.lasted > 3 && time.Since(v.mode.since) > 2*time.Minute
}

// checkEnded: if the backend is up, only os.Exit and SIGKILL lose spans, namely those that had not been flushed.
func (v *virtualRun) checkEnded(o *observed, x exit, lost, open int) error {
	s := o.SDK.Stats()
	ended, late := o.endedSpans()
	allowed := int(s.Dropped.QueueFull + s.Dropped.Rejected + s.Dropped.Refused)
	switch {
	case !v.mode.up():
		return nil
	case x.code == harness.ExitCode || x.code == -1:
		was := v.before.of(o)
		allowed += int(was.stats.Pending) + ended - was.ended
	case x.code == 1:
		allowed += v.behind // ended during the last flush, or after it
	case x.sigterm:
		allowed += max(0, int(s.Dropped.AfterShutdown)-late)
		if open > 0 {
			return fmt.Errorf("%d spans were left open at SIGTERM", open)
		}
	}
	if lost > allowed {
		return fmt.Errorf("%d spans are lost with process %d, which ended with code %d; at most %d may be: %+v, %d ended after it",
			lost, o.number, x.code, allowed, s, late)
	}
	return nil
}
