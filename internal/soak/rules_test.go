package soak

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// chapter is what the rules of every log are applied to: a step, when the next one is over, but for requests that
// end in the freeze or after it. Whether their client still waits for them is known from its wires.
type chapter struct {
	mark   int
	calls  []*call
	permit invariant.Permit
	well   bool
}

// chapter makes one of the step that is over. Where nothing holds the environment the handler flushes before an
// error is posted, and the agent after it, if anything has ended in between.
func (w *walk) chapter() *chapter {
	ch := &chapter{mark: w.mark, calls: w.calls, well: w.weather.well()}
	ch.permit = invariant.Permit{Twice: true, Early: make(map[string]bool), Timeouts: make(map[string]bool)}
	waiting := w.before.stats.Pending
	for _, c := range w.calls {
		waiting += int64(c.order.Spans) + 4
	}
	early := !w.platform.steady || w.platform.handler || waiting >= int64(w.platform.queue/2)
	ch.permit.Beside = w.mayFlushBeside()
	for _, c := range w.calls {
		ch.permit.Early[c.id] = early || c.end.do == "late" || c.end.kills
		ch.permit.Timeouts[c.id] = c.end.hangs
	}
	return ch
}

// mayFlushBeside reports whether the agent may be flushing when the environment freezes, since it does not hold it:
// see chapter; and when it has just heard that next is broken, or of a signal.
func (w *walk) mayFlushBeside() bool {
	signalled := slices.ContainsFunc(w.calls, func(c *call) bool { return c.signal != "" })
	broken := w.platform.config.Faults.Next != (lambdatest.Fault{})
	return !w.platform.steady && (w.stragglers > 0 || signalled || broken)
}

// rules applies the invariants of every log to the step before.
func (w *walk) rules() (errs error) {
	ch := w.earlier
	if ch == nil {
		return nil
	}
	events := w.log.Since(ch.mark)
	given := givenUp(events)
	other := func(e eventlog.Event) bool {
		number, _, _ := strings.Cut(e.Detail, ":")
		switch {
		case given[number]:
			return true
		case e.Kind == lambdatest.KindExtensionNext && e.Who == neighbour:
			return true
		case e.Kind == lambdatest.KindFrozenActivity && e.Detail == "dial":
			return true // net/http's, for a request that has found another connection; one for a request shows at the thaw
		}
		return e.Seq >= w.mark
	}
	s := &invariant.Story{
		Events: slices.DeleteFunc(events, other), Exact: true, Collector: collectorAddress, Permit: ch.permit,
	}
	signalled := slices.ContainsFunc(ch.calls, func(c *call) bool { return c.signal != "" })
	for name, holds := range invariant.Rules {
		if name == "callers are answered at the response" && signalled {
			continue // the process may end while it streams one
		}
		if name == "the next invocation waits for none" && (w.platform.neighbour || !w.platform.steady || !ch.well) {
			continue // it may wait for the other extension, or between two attempts
		}
		if err := holds(s); err != nil {
			errs = errors.Join(errs, fmt.Errorf("of the step before, from event %d on: %s: %w", ch.mark, name, err))
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
