package agent_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

const (
	shortTimeout = time.Second // of the function in these scenarios
	flushAt      = 800 * time.Millisecond
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

// story returns the agent's work for an invocation until then, with its times since the release of the invocation.
func (w *run) story(id string, until eventlog.Event) (all []string) {
	w.Helper()
	for _, e := range w.config.Log.Events() {
		if e.Seq < w.one(lambdatest.KindInvocationReleased, id).Seq || e.Seq > until.Seq {
			continue
		}
		at := w.since(id, e).Round(time.Millisecond)
		end := (w.since(id, e) + e.Duration).Round(time.Millisecond)
		switch e.Kind {
		case flushBegun:
			all = append(all, fmt.Sprintf("%v: flush until %v", at, end))
		case openEnded:
			all = append(all, fmt.Sprintf("%v: %s %s", at, e.Who, e.Detail))
		case deadlineSet:
			all = append(all, fmt.Sprintf("%v: exit at %v", at, end))
		case deadlineCleared, lambdatest.KindResponsePosted:
			all = append(all, fmt.Sprintf("%v: %s", at, e.Kind))
		}
	}
	return all
}

// is fails if got differs from want.
func (w *run) is(got []string, want ...string) {
	w.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("(-want +got):\n%s", diff)
	}
}

const (
	flush800 = "800ms: flush until 950ms"
	flush850 = "850ms: flush until 950ms"
	ended850 = "850ms: root-r [timeout] ended before the deadline; the handler was still running"
	exit800  = "800ms: exit at 950ms"
	exit850  = "850ms: exit at 950ms"
)

// TestFlushBeforeTheDeadline asserts that ended spans have left when the deadline comes, with or without SIGTERM. The
// agent ends open spans only if SIGTERM does not come, or by option. Only a process that is killed at the deadline exits
// without another flush, and so has an exit deadline.
func TestFlushBeforeTheDeadline(t *testing.T) {
	early := []agent.Option{agent.WithEndBeforeTimeout()}
	killed := []string{exit800, flush800, ended850, exit850, flush850}
	for name, tt := range map[string]struct {
		arrange func(w *run)
		options []agent.Option
		want    []string
	}{
		"extension":              {want: []string{flush800}},
		"extension, by option":   {options: early, want: []string{flush800, ended850, flush850}},
		"shutdown-only":          {options: []agent.Option{agent.WithShutdownOnly()}, want: []string{flush800}},
		"extension-failed":       {func(w *run) { w.config.Faults.Next = lambdatest.Fault{Status: 500} }, nil, []string{flush800}},
		"unregistered":           {refused, nil, killed},
		"unregistered by option": {refused, early, killed},
		"unregistered, with an external extension": {withExternal, nil, []string{flush800}},
		"not attached": {func(w *run) { w.unattached = true }, nil, []string{flush800}},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.config.Timeout, w.options, w.handle = shortTimeout, tt.options, untilKilled
				w.config.Order, w.config.OrderGap = lambdatest.OrderInvokeFirst, time.Nanosecond
				w.flusher.onFlush = taking(30 * time.Millisecond)
				if tt.arrange != nil {
					tt.arrange(w)
				}
			}, func(w *run) {
				time.Sleep(time.Second) // Init is over
				if resp := w.invokeAs("r"); !resp.TimedOut {
					w.Errorf("%+v", resp)
				}
				w.idle()
				timeout := w.one(lambdatest.KindTimeout, "r")
				w.is(w.story("r", timeout), tt.want...)
				w.logs("agent: an invocation is about to time out")
				if slices.Contains(tt.want, exit800) {
					w.none(lambdatest.KindSigterm, shutdownBegun)
				} else {
					w.inOrder(timeout, w.one(lambdatest.KindSigterm, ""), w.one(shutdownEnded, ""))
				}
			})
		})
	}
}

// TestHandlerThatReturnsDuringTheFlush asserts that a handler which returns in time is answered immediately, and that the
// flush after it is the usual one.
func TestHandlerThatReturnsDuringTheFlush(t *testing.T) {
	for name, options := range map[string][]agent.Option{"extension": nil, "shutdown-only": {agent.WithShutdownOnly()}} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.config.Timeout, w.options, w.handle = shortTimeout, options, lasting(850*time.Millisecond)
				w.config.Order, w.config.OrderGap = lambdatest.OrderInvokeFirst, time.Nanosecond
				w.flusher.onFlush = taking(60 * time.Millisecond)
			}, func(w *run) {
				w.serves("r")
				done := w.one(lambdatest.KindPhaseDone, "r")
				w.is(w.story("r", done), flush800, "850ms: response.posted", "860ms: flush until 950ms")
				if d := between(w.one(lambdatest.KindResponsePosted, "r"), w.one(lambdatest.KindCallerAnswered, "r")); d != 0 {
					w.Errorf("the caller waits %v", d)
				}
				if at := w.since("r", done).Round(time.Millisecond); at != 920*time.Millisecond || w.flusher.overlaps() != 1 {
					w.Errorf("held until %v, %d flushes at once", at, w.flusher.overlaps())
				}
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
	const cleared, flushed = "900ms: deadline.cleared", "900ms: flush until 950ms"
	for name, tt := range map[string]struct {
		outcome func(m *function) // before the invocation ends
		want    []string
	}{
		"in time":        {func(*function) {}, []string{"900ms: response.posted", cleared, flushed}},
		"an error":       {func(m *function) { _ = m.agent.Flush(m.id) }, []string{cleared, flushed, "900ms: response.posted"}},
		"before an exit": {func(m *function) { m.agent.FlushBeforeExit(m.id) }, []string{"900ms: exit at 950ms", flushed, "900ms: response.posted"}},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				refused(w)
				w.config.Timeout = shortTimeout
				w.handle = func(ctx context.Context, m *function) error {
					_ = pause(ctx, 900*time.Millisecond)
					tt.outcome(m)
					return nil
				}
			}, func(w *run) {
				w.serves("r")
				w.is(w.story("r", w.one(lambdatest.KindPhaseDone, "r")), append([]string{exit800, flush800, ended850, exit850, flush850}, tt.want...)...)
				w.handle = lasting(0)
				w.serves("short")
				w.is(w.story("short", w.one(lambdatest.KindPhaseDone, "short")), "0s: response.posted", "0s: flush until 950ms")
			})
		})
	}
}

// TestSpansEndedTooEarly asserts that the agent counts and logs a handler that returns in time after its spans were
// ended, and does neither if it returns after the deadline or before the end of spans.
func TestSpansEndedTooEarly(t *testing.T) {
	for _, tt := range []struct {
		returns      time.Duration
		ended, early int64
	}{{840 * time.Millisecond, 0, 0}, {970 * time.Millisecond, 1, 1}, {time.Hour, 1, 0}} {
		t.Run(tt.returns.String(), func(t *testing.T) {
			scenario(t, func(w *run) {
				refused(w)
				w.config.Timeout = shortTimeout
				w.handle = func(ctx context.Context, m *function) error {
					_ = pause(ctx, tt.returns)
					if ctx.Err() != nil {
						m.agent.End(m.id) // it has timed out
					}
					return nil
				}
			}, func(w *run) {
				w.invokeAs("r")
				w.idle()
				if n := len(w.find(timeoutNotified, "r")); n != int(tt.ended) {
					w.Errorf("%d notifications of a timeout", n)
				}
				if got := w.stats(); got.EndedTooEarly != tt.early || got.OpenSpansEnded != tt.ended {
					w.Errorf("stats %+v", got)
				}
				if n := strings.Count(w.lines.String(), "after its open spans had been ended"); n != int(tt.early) {
					w.Errorf("%d lines about it", n)
				}
			})
		})
	}
}

// TestTimeoutWithoutARootIsReported asserts that an invocation without a root span, as in a program without traces, is
// reported before the flush that collects metrics if no SIGTERM can come, and that no spans count as ended.
func TestTimeoutWithoutARootIsReported(t *testing.T) {
	scenario(t, func(w *run) {
		refused(w)
		w.config.Timeout, w.rootless, w.handle = shortTimeout, true, lasting(970*time.Millisecond)
	}, func(w *run) {
		w.serves("r")
		flushes := w.find(flushBegun, "")
		if len(flushes) < 2 || flushes[1].Who != "forced" {
			w.Fatalf("flushes %v, want the second to be forced", flushes)
		}
		w.inOrder(flushes[0], w.one(timeoutNotified, "r"), flushes[1])
		w.none(openEnded)
		if got := w.stats(); got.EndedTooEarly != 0 || got.OpenSpansEnded != 0 {
			w.Errorf("stats %+v", got)
		}
	})
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
				if got := w.stats(); got.PreTimeoutFlushes != 0 || strings.Contains(w.lines.String(), "before the deadline") {
					w.Errorf("stats %+v", got)
				}
			})
		})
	}
}

// TestAlarmsOnManagedInstances has two invocations at once. The agent ends open spans only by option, and only of the
// invocation that is about to time out.
func TestAlarmsOnManagedInstances(t *testing.T) {
	for name, tt := range map[string]struct {
		options []agent.Option
		want    []string
	}{"": {nil, []string{flush800}}, "by option": {[]agent.Option{agent.WithEndBeforeTimeout()}, []string{flush800, ended850, flush850}}} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.config.ManagedInstances, w.config.Concurrency = true, 2
				w.config.Timeout, w.options = shortTimeout, tt.options
				w.handle = func(ctx context.Context, m *function) error {
					if m.id == "short" {
						return pause(ctx, 500*time.Millisecond)
					}
					return pause(ctx, 920*time.Millisecond)
				}
			}, func(w *run) {
				w.invokeInBackground("short")
				w.serves("r")
				w.is(w.story("r", w.one(lambdatest.KindResponsePosted, "r")), slices.Concat([]string{"500ms: response.posted"}, tt.want, []string{"920ms: response.posted"})...)
				synctest.Wait() // until End has returned
				if got := w.stats(); got.EndedTooEarly != got.OpenSpansEnded {
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
	scenario(t, func(w *run) {
		refused(w)
		never := w.untilEnd()
		w.config.Timeout, w.handle = shortTimeout, lasting(950*time.Millisecond)
		w.flusher.onEnd = func([][8]byte) { <-never }
	}, func(w *run) {
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
	scenario(t, func(w *run) {
		never := w.untilEnd()
		w.flusher.onEnd = func([][8]byte) { <-never }
		w.handle = func(_ context.Context, m *function) error {
			m.agent.EndOpenSpans(m.id, "boom")
			panic("boom")
		}
	}, func(w *run) {
		w.invokeAs("r")
		w.idle()
		if d := between(w.one(handlerBegun, "r"), w.one(lambdatest.KindErrorPosted, "r")); d != 250*time.Millisecond {
			w.Errorf("the outcome is posted after %v", d)
		}
		w.inOrder(w.find(flushEnded, "")[0], w.one(lambdatest.KindErrorPosted, "r"))
	})
}
