package soak

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// checkedStep is a step to which the rules are applied when the next one is over, since requests may end in the freeze or
// after it.
type checkedStep struct {
	mark  int
	calls []*call
	allow harness.Allow
	up    bool
}

// checked returns the step that is over. If nothing holds the environment, the handler flushes before an error is posted,
// and the agent after it, if spans have ended in between.
func (v *virtualRun) checked() *checkedStep {
	st := &checkedStep{mark: v.mark, calls: v.calls, up: v.mode.up()}
	st.allow = harness.Allow{
		Twice: true, Early: make(map[string]bool), Timeouts: make(map[string]bool), Background: v.mayFlushInBackground(),
	}
	waiting := v.before.stats.Pending
	for _, c := range v.calls {
		waiting += int64(c.command.Spans) + 4
	}
	early := !v.platform.held || v.platform.handler || waiting >= int64(v.platform.queue/2)
	for _, c := range v.calls {
		st.allow.Early[c.id] = early || c.end.do == "late" || c.end.kills
		st.allow.Timeouts[c.id] = c.end.hangs
	}
	return st
}

// mayFlushInBackground reports whether the agent may be flushing when the environment freezes, because it does not hold
// the environment: see checked; and when it has just learned that next is broken, or got a signal.
func (v *virtualRun) mayFlushInBackground() bool {
	signaled := slices.ContainsFunc(v.calls, func(c *call) bool { return c.signal != "" })
	return !v.platform.held && (v.behind > 0 || signaled || v.platform.nextBroken())
}

// checkRules applies the rules of every log to the step before.
func (v *virtualRun) checkRules() (errs error) {
	st := v.previous
	if st == nil {
		return nil
	}
	events := v.log.Since(st.mark)
	given := givenUp(events)
	other := func(e eventlog.Event) bool {
		number, _, _ := strings.Cut(e.Detail, ":")
		switch {
		case given[number]:
			return true
		case e.Kind == lambdatest.KindExtensionNext && e.Who == externalExtension:
			return true
		case e.Kind == lambdatest.KindFrozenActivity && e.Detail == "dial":
			return true // net/http's, for a request that has found another connection; one for a request shows at the thaw
		}
		return e.Seq >= v.mark
	}
	ev := &harness.Events{
		All: slices.DeleteFunc(events, other), Virtual: true, Backend: harness.BackendAddress, Allow: st.allow,
	}
	signaled := slices.ContainsFunc(st.calls, func(c *call) bool { return c.signal != "" })
	for name, check := range harness.Rules {
		if name == "callers are answered at the response" && signaled {
			continue // the process may end while it streams one
		}
		if name == "nothing holds an invocation but a flush" && (v.platform.external || !v.platform.held || !st.up) {
			continue // it may wait for the other extension, or between two attempts
		}
		if err := check(ev); err != nil {
			errs = errors.Join(errs, fmt.Errorf("in the step before, from event %d on: %s: %w", st.mark, name, err))
		}
	}
	return errs
}

// givenUp are the requests that were under way when the environment was frozen.
func givenUp(events []eventlog.Event) map[string]bool {
	open, given := make(map[string]bool), make(map[string]bool)
	for _, e := range events {
		number, _, _ := strings.Cut(e.Detail, ":")
		switch e.Kind {
		case otlpreceiver.KindExportBegun:
			open[number] = true
		case otlpreceiver.KindExportDone, otlpreceiver.KindExportRefused:
			delete(open, number)
		case lambdatest.KindFreeze:
			maps.Copy(given, open)
		}
	}
	return given
}
