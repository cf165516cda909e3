package agent_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

const (
	shortTimeout = time.Second // of the function in these scenarios
	flushAt      = 800 * time.Millisecond
	endSpansAt   = 850 * time.Millisecond // in the first invocation, before which there was no flush
	flushUntil   = 950 * time.Millisecond
)

// since is how long after the release of an invocation an event came.
func (w *run) since(id string, e eventlog.Event) time.Duration {
	w.Helper()
	return between(w.one(lambdatest.KindInvocationReleased, id), e)
}

// refused has the registration refused, so that the platform knows no extension.
func refused(w *run) { w.config.Faults.Register = lambdatest.Fault{Status: 500} }

// lasting is a handler that returns after d.
func lasting(d time.Duration) func(context.Context, *function) error {
	return func(ctx context.Context, _ *function) error { return pause(ctx, d) }
}

// withExternal is the same with external extensions, for which SIGTERM comes.
func withExternal(w *run) {
	w.extend("insights")
	for i := range 9 {
		w.config.ExternalExtensions = append(w.config.ExternalExtensions, lambdatest.ExternalExtension{Name: strconv.Itoa(i)})
	}
}

// TestFlushBeforeTheDeadline asserts that ended spans have left when the deadline comes, with or without SIGTERM. The
// agent ends open spans only if SIGTERM does not come, or by option.
func TestFlushBeforeTheDeadline(t *testing.T) {
	early := agent.WithEndBeforeTimeout()
	for name, tt := range map[string]struct {
		arrange func(w *run)
		options []agent.Option
		ends    bool
		sigterm bool
	}{
		"extension":              {sigterm: true},
		"extension, by option":   {sigterm: true, options: []agent.Option{early}, ends: true},
		"shutdown-only":          {sigterm: true, options: []agent.Option{agent.WithShutdownOnly()}},
		"extension-failed":       {sigterm: true, arrange: func(w *run) { w.config.Faults.Next = lambdatest.Fault{Status: 500} }},
		"unregistered":           {arrange: refused, ends: true},
		"unregistered by option": {arrange: refused, options: []agent.Option{early}, ends: true},
		"unregistered, with an external extension": {sigterm: true, arrange: withExternal},
		"not attached": {sigterm: true, arrange: func(w *run) { w.unattached = true }},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.config.Timeout, w.options, w.handle = shortTimeout, tt.options, untilKilled
				w.flusher.onFlush = taking(30 * time.Millisecond)
				if tt.arrange != nil {
					tt.arrange(w)
				}
			}, func(w *run) {
				w.flushesBeforeATimeout(tt.ends, tt.sigterm)
			})
		})
	}
}

// flushesBeforeATimeout lets an invocation time out, and fails if the agent did not act before the deadline as it should.
func (w *run) flushesBeforeATimeout(ends, sigterm bool) {
	w.Helper()
	time.Sleep(time.Second) // Init is over
	if resp := w.invokeAs("r"); !resp.TimedOut {
		w.Errorf("%+v", resp)
	}
	w.idle()
	released, timeout := w.one(lambdatest.KindInvocationReleased, "r"), w.one(lambdatest.KindTimeout, "r")
	want := []time.Duration{flushAt}
	if ends {
		want = append(want, endSpansAt)
	}
	var flushes []time.Duration
	for _, e := range w.within(released, timeout, flushBegun) {
		if w.since("r", e) < 10*time.Millisecond {
			continue // the flush at the INVOKE of an unwrapped function
		}
		at := w.since("r", e).Round(time.Millisecond)
		flushes = append(flushes, at)
		if e.Duration.Round(time.Millisecond) != flushUntil-at {
			w.Errorf("the flush after %v may take %v", at, e.Duration)
		}
	}
	if diff := cmp.Diff(want, flushes); diff != "" {
		w.Errorf("flushes before the deadline (-want +got):\n%s", diff)
	}
	w.endsSpansEarly("r", ends)
	var exits []time.Duration // only a process that is killed at the deadline exits without another flush
	for _, e := range w.within(released, timeout, deadlineSet) {
		exits = append(exits, (w.since("r", e) + e.Duration).Round(time.Millisecond))
	}
	if killed := len(exits) > 0; killed == sigterm || killed && slices.ContainsFunc(exits, func(at time.Duration) bool { return at != flushUntil }) {
		w.Errorf("exit deadlines before the timeout: %v; SIGTERM comes: %t", exits, sigterm)
	}
	w.logs("agent: an invocation is about to time out")
	if sigterm {
		w.inOrder(timeout, w.one(lambdatest.KindSigterm, ""), w.one(shutdownEnded, ""))
	} else {
		w.none(lambdatest.KindSigterm, shutdownBegun)
	}
	if got := w.stats(); got.PreTimeoutFlushes != int64(len(want)) || got.EndedTooEarly != 0 {
		w.Errorf("stats %+v", got)
	}
}

// endsSpansEarly fails unless the agent has ended the open spans of the invocation before its deadline, if it is to.
func (w *run) endsSpansEarly(id string, ends bool) {
	w.Helper()
	var early []eventlog.Event
	for _, e := range w.find(openEnded, "") {
		if strings.Contains(e.Detail, "before the deadline") {
			early = append(early, e)
		}
	}
	if !ends {
		if len(early) > 0 {
			w.Errorf("spans ended early: %v", early)
		}
		return
	}
	if len(early) != 1 || early[0].Who != "root-"+id || w.since(id, early[0]).Round(time.Millisecond) != endSpansAt ||
		early[0].Detail != "[timeout] ended before the deadline; the handler was still running" {
		w.Errorf("spans ended early: %v", early)
	}
}

// TestHandlerThatReturnsDuringTheFlush asserts that a handler which returns in time is answered immediately, and that the
// flush after it is the usual one.
func TestHandlerThatReturnsDuringTheFlush(t *testing.T) {
	const ms = time.Millisecond
	for name, options := range map[string][]agent.Option{
		"extension": nil, "shutdown-only": {agent.WithShutdownOnly()},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.config.Timeout, w.options, w.config.Order = shortTimeout, options, lambdatest.OrderInvokeFirst
				w.config.OrderGap = time.Nanosecond
				w.handle = lasting(850 * ms)
				w.flusher.onFlush = taking(60 * ms)
			}, func(w *run) {
				w.serves("r")
				posted, flushes := w.one(lambdatest.KindResponsePosted, "r"), w.find(flushBegun, "")
				if at := w.since("r", posted).Round(ms); at != 850*ms {
					w.Errorf("the response was posted after %v", at)
				}
				if d := between(posted, w.one(lambdatest.KindCallerAnswered, "r")); d != 0 {
					w.Errorf("the caller waits %v", d)
				}
				if len(flushes) != 2 || w.since("r", flushes[0]).Round(ms) != 800*ms || w.since("r", flushes[1]).Round(ms) != 860*ms {
					w.Errorf("flushes %v", flushes)
				}
				if at := w.since("r", w.one(lambdatest.KindPhaseDone, "r")).Round(ms); at != 920*ms {
					w.Errorf("held until %v", at)
				}
				if n := w.flusher.overlaps(); n != 1 {
					w.Errorf("%d flushes at once", n)
				}
				w.none(openEnded)
				if got := w.stats(); got.PreTimeoutFlushes != 1 || got.FlushErrors != 0 || got.OpenSpansEnded != 0 {
					w.Errorf("stats %+v", got)
				}
				time.Sleep(time.Hour) // nothing is left that fires at a thaw
				w.serves("s")
			})
		})
	}
}

// TestExitDeadlineEndsWithTheInvocation asserts that a process that was not killed at the deadline has no exit deadline any
// more when the invocation ends, so that its flush is an ordinary one. Before an exit the deadline stays.
func TestExitDeadlineEndsWithTheInvocation(t *testing.T) {
	for name, tt := range map[string]struct {
		arrange func(w *run)
		outcome func(m *function) // before the invocation ends
		sets    bool
		clears  bool
	}{
		"in time":             {refused, func(*function) {}, true, true},
		"in time, an error":   {refused, func(m *function) { _ = m.agent.Flush(m.id) }, true, true},
		"before an exit":      {refused, func(m *function) { m.agent.FlushBeforeExit(m.id) }, true, false},
		"a SIGTERM will come": {func(*run) {}, func(*function) {}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.config.Timeout = shortTimeout
				tt.arrange(w)
				w.handle = func(ctx context.Context, m *function) error {
					_ = lasting(900*time.Millisecond)(ctx, m)
					tt.outcome(m)
					return nil
				}
			}, func(w *run) {
				w.serves("r")
				if n := len(w.find(deadlineSet, "")); n > 0 != tt.sets {
					w.Errorf("%d exit deadlines", n)
				}
				if !tt.clears {
					w.none(deadlineCleared)
					return
				}
				cleared := w.one(deadlineCleared, "")
				flushes := w.find(flushBegun, "")
				w.inOrder(flushes[len(flushes)-2], cleared, flushes[len(flushes)-1], w.one(endReturned, "r"))
				w.handle = lasting(0)
				w.serves("short")
				w.one(deadlineCleared, "")
			})
		})
	}
}

// TestSpansEndedTooEarly asserts that the agent counts and logs a handler that returns in time after its spans were
// ended, and does neither if it returns after the deadline or before the end of spans.
func TestSpansEndedTooEarly(t *testing.T) {
	const ms = time.Millisecond
	for name, arrange := range map[string]func(w *run){
		"unregistered": refused,
		"extension":    func(w *run) { w.options = []agent.Option{agent.WithEndBeforeTimeout()} },
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.config.Timeout, w.config.Order = shortTimeout, lambdatest.OrderInvokeFirst
				arrange(w)
			}, func(w *run) {
				w.handle = lasting(endSpansAt - 10*ms)
				w.serves("before")
				w.none(openEnded)
				w.handle = lasting(970 * ms) // a flush takes no time, so spans end 50 ms before the margin
				w.serves("e")
				ended, posted := w.one(openEnded, ""), w.one(lambdatest.KindResponsePosted, "e")
				w.inOrder(ended, w.one(lambdatest.KindResponsePosted, "e"))
				if ended.Who != "root-e" {
					w.Errorf("ended %s", ended)
				}
				if n := len(w.within(posted, w.one(lambdatest.KindPhaseDone, "e"), flushBegun)); n != 1 {
					w.Errorf("%d flushes after the response, want one", n)
				}
				if got := w.stats(); got.EndedTooEarly != 1 || got.OpenSpansEnded != 1 {
					w.Errorf("stats %+v", got)
				}
				w.logs("after its open spans had been ended", "requestId=e")
			})
		})
	}
}

func TestNoFlushBeforeTheDeadline(t *testing.T) {
	for name, tt := range map[string]struct {
		options []agent.Option
		handle  func(context.Context, *function) error
	}{
		"switched off":                         {[]agent.Option{agent.WithPreTimeoutFlush(0), agent.WithEndBeforeTimeout()}, untilKilled},
		"the handler is in time":               {nil, lasting(flushAt - time.Millisecond)},
		"the handler returns before the flush": {[]agent.Option{agent.WithPreTimeoutFlush(50 * time.Millisecond)}, lasting(900 * time.Millisecond)},
		"the margin is not a lead":             {[]agent.Option{agent.WithPreTimeoutFlush(0), agent.WithDeadlineMargin(time.Second)}, untilKilled},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.config.Timeout, w.options, w.handle = shortTimeout, tt.options, tt.handle
			}, func(w *run) {
				w.invokeAs("r")
				w.idle()
				time.Sleep(time.Minute)
				w.endsSpansEarly("r", false)
				if got := w.stats(); got.PreTimeoutFlushes != 0 {
					w.Errorf("stats %+v", got)
				}
			})
		})
	}
}

// TestAlarmsOnManagedInstances has several invocations at once, each with a flush of its own before its deadline. The
// agent ends open spans only by option, and only of the invocations that are about to time out.
func TestAlarmsOnManagedInstances(t *testing.T) {
	const n, ms = 4, time.Millisecond
	for name, options := range map[string][]agent.Option{"": nil, "by option": {agent.WithEndBeforeTimeout()}} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.config.ManagedInstances, w.config.Concurrency = true, n
				w.config.Timeout, w.options = shortTimeout, options
				w.handle = func(ctx context.Context, m *function) error {
					if m.id == "0" {
						return pause(ctx, 500*ms)
					}
					return pause(ctx, 920*ms)
				}
			}, func(w *run) {
				for i := range n {
					w.invokeInBackground(strconv.Itoa(i))
					time.Sleep(2 * ms)
				}
				time.Sleep(2 * time.Second)
				flushed := map[time.Duration]int{}
				for _, e := range w.find(flushBegun, "") {
					flushed[w.since("0", e).Round(ms)]++
				}
				want := map[time.Duration]int{flushAt + 2*ms: 1, flushAt + 4*ms: 1, flushAt + 6*ms: 1}
				if options != nil {
					want[endSpansAt+2*ms], want[endSpansAt+4*ms], want[endSpansAt+6*ms] = 1, 1, 1
				}
				if diff := cmp.Diff(want, flushed); diff != "" {
					w.Errorf("flushes (-want +got):\n%s", diff)
				}
				var roots []string
				for _, e := range w.find(openEnded, "") {
					roots = append(roots, e.Who)
				}
				if want := []string{"root-1", "root-2", "root-3"}; options != nil && !cmp.Equal(want, roots) || options == nil && len(roots) > 0 {
					w.Errorf("spans ended of %v", roots)
				}
				if got := w.stats(); got.PreTimeoutFlushes != int64(len(want)) || options != nil && got.EndedTooEarly != 3 {
					w.Errorf("stats %+v", got)
				}
				w.gracefully()
			})
		})
	}
}

// TestFlushBeforeTimeoutsInAnOutageIsQuiet asserts that there is one line when the outage begins, not one for each
// invocation.
func TestFlushBeforeTimeoutsInAnOutageIsQuiet(t *testing.T) {
	scenario(t, func(w *run) {
		refused(w)
		w.config.Timeout, w.handle = shortTimeout, lasting(980*time.Millisecond)
		w.flusher.onFlush = func(context.Context, int) error { return errors.New("backend down") }
		w.flusher.onEnd = func([][8]byte) { panic("no") }
	}, func(w *run) {
		for i := range 20 {
			w.serves(strconv.Itoa(i))
		}
		w.logs("agent: an invocation is about to time out", "agent: EndOpenSpans failed", "agent: flush failed",
			"after its open spans had been ended")
		if got := w.stats(); got.PreTimeoutFlushes != 40 || got.EndedTooEarly != 20 || got.OpenSpansEnded != 0 {
			w.Errorf("stats %+v", got)
		}
	})
}

// TestEndOfSpansThatHangs asserts that the agent abandons EndOpenSpans, that neither the invocation nor the flush after
// it waits for it, and that it is not called again.
func TestEndOfSpansThatHangs(t *testing.T) {
	var never chan struct{}
	scenario(t, func(w *run) {
		refused(w)
		never = make(chan struct{})
		w.config.Timeout, w.handle = shortTimeout, lasting(950*time.Millisecond)
		w.flusher.onEnd = func([][8]byte) { <-never }
	}, func(w *run) {
		w.Cleanup(func() { close(never) })
		for _, id := range []string{"r", "s"} {
			w.serves(id)
			if d := w.one(endReturned, id).Duration; d > 10*time.Millisecond {
				w.Errorf("End takes %v", d)
			}
		}
		if got := w.stats(); got.FlushErrors != 0 {
			w.Errorf("stats %+v", got)
		}
	})
}

// TestPanicWithAnEndOfSpansThatHangs asserts that the panic's outcome is posted all the same, within a bound.
func TestPanicWithAnEndOfSpansThatHangs(t *testing.T) {
	var never chan struct{}
	scenario(t, func(w *run) {
		never = make(chan struct{})
		w.flusher.onEnd = func([][8]byte) { <-never }
		w.handle = func(_ context.Context, m *function) error {
			m.agent.EndOpenSpans(m.id, "boom")
			panic("boom")
		}
	}, func(w *run) {
		w.Cleanup(func() { close(never) })
		w.invokeAs("r")
		w.idle()
		if d := between(w.one(handlerBegun, "r"), w.one(lambdatest.KindErrorPosted, "r")); d != 250*time.Millisecond {
			w.Errorf("the outcome is posted after %v", d)
		}
		w.inOrder(w.find(flushEnded, "")[0], w.one(lambdatest.KindErrorPosted, "r"))
	})
}
