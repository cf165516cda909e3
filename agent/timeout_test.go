package agent_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

const (
	shortTimeout = time.Second // of the function in these stories
	guardFires   = 800 * time.Millisecond
	guardEnds    = 950 * time.Millisecond
)

// since is how long after the release of an invocation an event came.
func (w *world) since(id string, e eventlog.Event) time.Duration {
	w.Helper()
	return between(w.one(lambdatest.KindInvocationReleased, id), e)
}

// refused has the registration refused, so that the platform knows no extension.
func refused(w *world) { w.config.Faults.Register = lambdatest.Fault{Status: 500} }

// lasting is a handler that makes it after d.
func lasting(d time.Duration) func(context.Context, *mainland) error {
	return func(ctx context.Context, _ *mainland) error { return pause(ctx, d) }
}

// besideAnother is the same beside an external extension, for which SIGTERM comes.
func besideAnother(w *world) {
	w.extend("insights")
	for i := range 9 {
		w.config.ExternalExtensions = append(w.config.ExternalExtensions, lambdatest.ExternalExtension{Name: strconv.Itoa(i)})
	}
}

// TestGuardFlushesBeforeTheDeadline: what has ended has left when the deadline comes, with or without SIGTERM. Open
// spans are exported only where SIGTERM does not come, or by option.
func TestGuardFlushesBeforeTheDeadline(t *testing.T) {
	provisional := agent.WithProvisionalSpans()
	for name, tt := range map[string]struct {
		arrange func(w *world)
		options []agent.Option
		copies  int
		sigterm bool
	}{
		"classic":                   {sigterm: true},
		"classic, provisional":      {sigterm: true, options: []agent.Option{provisional}, copies: 1},
		"signal-only":               {sigterm: true, options: []agent.Option{agent.WithSignalOnly()}},
		"next broken":               {sigterm: true, arrange: func(w *world) { w.config.Faults.Next = lambdatest.Fault{Status: 500} }},
		"unregistered":              {arrange: refused, copies: 1},
		"unregistered, provisional": {arrange: refused, options: []agent.Option{provisional}, copies: 1},
		"unregistered, not alone":   {sigterm: true, arrange: besideAnother},
		"no handler said so":        {sigterm: true, arrange: func(w *world) { w.unattached = true }},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, func(w *world) {
				w.config.Timeout, w.options, w.handle = shortTimeout, tt.options, untilKilled
				w.flusher.onFlush = taking(100 * time.Millisecond)
				if tt.arrange != nil {
					tt.arrange(w)
				}
			}, func(w *world) {
				w.guardTellsOfATimeout(tt.copies, tt.sigterm)
			})
		})
	}
}

// guardTellsOfATimeout lets an invocation time out, and fails where the guard did not fire as it should.
func (w *world) guardTellsOfATimeout(copies int, sigterm bool) {
	w.Helper()
	time.Sleep(time.Second) // Init is over
	if resp := w.invokeAs("r"); !resp.TimedOut {
		w.Errorf("%+v", resp)
	}
	w.idle()
	released, timeout := w.one(lambdatest.KindInvocationReleased, "r"), w.one(lambdatest.KindTimeout, "r")
	var flushes []eventlog.Event
	for _, e := range w.within(released, timeout, flushBegun) {
		if e.At.Sub(released.At) > 10*time.Millisecond { // not the one beside an invocation of nobody's
			flushes = append(flushes, e)
		}
	}
	if len(flushes) != 1 || w.since("r", flushes[0]).Round(time.Millisecond) != guardFires ||
		flushes[0].Duration.Round(time.Millisecond) != guardEnds-guardFires {
		w.Errorf("flushes before the deadline: %v", flushes)
	}
	exports := w.find(exportBegun, "")
	if len(exports) != copies {
		w.Fatalf("exports of open spans: %v", exports)
	}
	for _, e := range exports {
		if e.Who != "root-r" || e.Detail != "[timeout] the invocation is about to time out" ||
			e.Duration.Round(time.Millisecond) != guardEnds-guardFires || w.since("r", e).Round(time.Millisecond) != guardFires {
			w.Errorf("%s", e)
		}
	}
	w.logs("agent: an invocation is about to time out")
	if sigterm {
		w.inOrder(timeout, w.one(lambdatest.KindSigterm, ""), w.one(shutdownEnded, ""))
	} else {
		w.none(lambdatest.KindSigterm, openEnded, shutdownBegun)
	}
	want := agent.Stats{TimeoutGuards: 1, ProvisionalSpans: int64(2 * copies)}
	got := w.stats()
	if diff := cmp.Diff(want, agent.Stats{
		TimeoutGuards: got.TimeoutGuards, ProvisionalSpans: got.ProvisionalSpans, ProvisionalErrors: got.ProvisionalErrors,
	}); diff != "" {
		w.Errorf("stats (-want +got):\n%s", diff)
	}
}

// A handler that makes it is answered at once and marked by nothing; the flush after it is the usual one.
func TestHandlerThatMakesItWhileTheGuardFlushes(t *testing.T) {
	const ms = time.Millisecond
	for name, options := range map[string][]agent.Option{
		"classic": nil, "signal-only": {agent.WithSignalOnly()}, "provisional": {agent.WithProvisionalSpans()},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, func(w *world) {
				w.config.Timeout, w.options, w.config.Order = shortTimeout, options, lambdatest.OrderInvokeFirst
				w.config.OrderGap = time.Nanosecond
				w.handle = lasting(850 * ms)
				w.flusher.onFlush = taking(60 * ms)
			}, func(w *world) {
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
				if got := w.stats(); got.TimeoutGuards != 1 || got.FlushErrors != 0 || got.EndedOpen != 0 {
					w.Errorf("stats %+v", got)
				}
				time.Sleep(time.Hour) // nothing is left that fires at a thaw
				w.serves("s")
			})
		})
	}
}

// TestCopiesStopWhenTheHandlerMakesIt: a slow export of copies is not in the air when the environment freezes.
func TestCopiesStopWhenTheHandlerMakesIt(t *testing.T) {
	const ms = time.Millisecond
	for name, arrange := range map[string]func(w *world){
		"unregistered": refused,
		"classic":      func(w *world) { w.options = []agent.Option{agent.WithProvisionalSpans()} },
	} {
		t.Run(name, func(t *testing.T) {
			story(t, func(w *world) {
				w.config.Timeout, w.handle = shortTimeout, lasting(850*ms)
				w.flusher.onOpen = func(ctx context.Context) error { return pause(ctx, time.Hour) }
				w.flusher.onFlush = taking(20 * ms)
				arrange(w)
			}, func(w *world) {
				w.serves("r")
				ended := w.one(exportEnded, "")
				w.inOrder(w.one(exportBegun, ""), w.one(lambdatest.KindResponsePosted, "r"), ended, w.find(flushBegun, "")[1],
					w.one(lambdatest.KindPhaseDone, "r"))
				if at := w.since("r", ended).Round(ms); at != 850*ms {
					w.Errorf("the export ended after %v", at)
				}
				if got := w.stats(); got.ProvisionalErrors != 0 || got.ProvisionalSpans != 0 || got.Flushes != 2 {
					w.Errorf("stats %+v", got)
				}
				if strings.Contains(w.lines.String(), "export of open spans failed") {
					w.Error("a copy that nobody needs any more is said to have failed")
				}
			})
		})
	}
}

func TestGuardThatDoesNotFire(t *testing.T) {
	for name, tt := range map[string]struct {
		options []agent.Option
		handle  func(context.Context, *mainland) error
	}{
		"switched off":             {[]agent.Option{agent.WithTimeoutGuard(0), agent.WithProvisionalSpans()}, untilKilled},
		"the handler is in time":   {nil, lasting(guardFires - time.Millisecond)},
		"the guard comes later":    {[]agent.Option{agent.WithTimeoutGuard(50 * time.Millisecond)}, lasting(900 * time.Millisecond)},
		"the margin is not a lead": {[]agent.Option{agent.WithTimeoutGuard(0), agent.WithMargin(time.Second)}, untilKilled},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, func(w *world) {
				w.config.Timeout, w.options, w.handle = shortTimeout, tt.options, tt.handle
			}, func(w *world) {
				w.invokeAs("r")
				w.idle()
				time.Sleep(time.Minute)
				w.none(exportBegun)
				if got := w.stats(); got.TimeoutGuards != 0 {
					w.Errorf("stats %+v", got)
				}
			})
		})
	}
}

// TestGuardOfAShortInvocation fires when half of the time is over, not at the begin.
func TestGuardOfAShortInvocation(t *testing.T) {
	story(t, func(w *world) {
		w.config.Timeout, w.handle = 100*time.Millisecond, untilKilled
	}, func(w *world) {
		w.invokeAs("r")
		w.idle()
		guard := w.find(flushBegun, "")[0]
		if at := w.since("r", guard); at < 50*time.Millisecond || at > 60*time.Millisecond || guard.Duration > 20*time.Millisecond {
			w.Errorf("after %v: %s", at, guard)
		}
	})
}

// TestGuardsOnManagedInstances: several invocations at once, each with a guard of its own. The timer of the Flusher does
// not come before the deadline; that the process ends there is aws-lambda-go's doing.
func TestGuardsOnManagedInstances(t *testing.T) {
	const n, ms = 4, time.Millisecond
	for name, options := range map[string][]agent.Option{"": nil, "provisional": {agent.WithProvisionalSpans()}} {
		t.Run(name, func(t *testing.T) {
			story(t, func(w *world) {
				w.config.ManagedInstances, w.config.Concurrency = true, n
				w.config.Timeout, w.options = shortTimeout, options
				w.handle = func(ctx context.Context, m *mainland) error {
					if m.id == "0" {
						return pause(ctx, 500*ms) // is in time
					}
					return pause(ctx, 900*ms) // makes it
				}
			}, func(w *world) {
				for i := range n {
					w.invokeInBackground(strconv.Itoa(i))
					time.Sleep(10 * ms)
				}
				time.Sleep(2 * time.Second)
				flushes := w.find(flushBegun, "")
				if len(flushes) != n-1 {
					w.Fatalf("flushes %v", flushes)
				}
				for i, e := range flushes {
					if at := w.since(strconv.Itoa(i+1), e).Round(ms); at != guardFires {
						w.Errorf("%d: flushed after %v", i+1, at)
					}
				}
				roots := make([]string, 0, n)
				for _, e := range w.find(exportBegun, "") {
					roots = append(roots, e.Who)
				}
				if want := []string{"root-1", "root-2", "root-3"}; options != nil && !cmp.Equal(want, roots) || options == nil && len(roots) > 0 {
					w.Errorf("copies of %v", roots)
				}
				if got := w.stats(); got.TimeoutGuards != n-1 {
					w.Errorf("stats %+v", got)
				}
				w.gracefully()
			})
		})
	}
}

func TestNoGuardOutsideLambda(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, lines: &lines{}}
		w.config.Log = newLog()
		w.flusher = &fakeFlusher{log: w.config.Log}
		a := agent.Start(t.Context(), w.flusher, agent.WithProcess(nowhere(t)), agent.WithLogger(w.logger()))
		a.Begin("r", time.Now().Add(time.Second), rootOf("r"))
		time.Sleep(time.Minute)
		w.none(flushBegun, exportBegun)
	})
}

// TestGuardInAnOutageIsQuiet: a line when it begins, none with each invocation.
func TestGuardInAnOutageIsQuiet(t *testing.T) {
	story(t, func(w *world) {
		refused(w)
		w.config.Timeout, w.handle = shortTimeout, lasting(980*time.Millisecond)
		w.flusher.onFlush = func(context.Context, int) error { return errors.New("backend down") }
		w.flusher.onOpen = func(context.Context) error { return errors.New("backend down") }
	}, func(w *world) {
		for i := range 20 {
			w.serves(strconv.Itoa(i))
		}
		w.logs("agent: an invocation is about to time out", "agent: export of open spans failed", "agent: flush failed")
		if got := w.stats(); got.TimeoutGuards != 20 || got.ProvisionalErrors != 20 || got.ProvisionalSpans != 0 {
			w.Errorf("stats %+v", got)
		}
	})
}

// TestGuardOnAFlusherThatHangs: what ignores its context is left behind, and the invocation is not held for it.
func TestGuardOnAFlusherThatHangs(t *testing.T) {
	var never chan struct{}
	story(t, func(w *world) {
		refused(w)
		never = make(chan struct{})
		w.config.Timeout, w.handle = shortTimeout, lasting(850*time.Millisecond)
		w.flusher.onOpen = func(context.Context) error { <-never; return nil }
	}, func(w *world) {
		w.Cleanup(func() { close(never) })
		w.serves("r")
		if d := w.one(endReturned, "r").Duration; d > 10*time.Millisecond {
			w.Errorf("End takes %v", d)
		}
		if got := w.stats(); got.StuckFlushes != 1 { // the export hangs, so there is no calling ForceFlush
			w.Errorf("stats %+v", got)
		}
	})
}

// TestSigtermWhileTheGuardFlushes: the shutdown ends the spans, so copies are not needed any more.
func TestSigtermWhileTheGuardFlushes(t *testing.T) {
	story(t, func(w *world) {
		w.config.Timeout, w.handle = shortTimeout, untilKilled
		w.options = []agent.Option{agent.WithProvisionalSpans()}
		w.flusher.onOpen = func(ctx context.Context) error { return pause(ctx, time.Hour) }
		w.flusher.onFlush = taking(30 * time.Millisecond)
	}, func(w *world) {
		w.invokeInBackground("r")
		time.Sleep(guardFires + 20*time.Millisecond)
		w.one(exportBegun, "")
		began := time.Now()
		w.signal(syscall.SIGTERM, window)
		if d := w.one(exportEnded, "").At.Sub(began); d != 0 {
			w.Errorf("copies are exported for %v after SIGTERM", d)
		}
		if d := w.one(shutdownBegun, "").At.Sub(began); d > 50*time.Millisecond {
			w.Errorf("Shutdown begins %v after SIGTERM", d)
		}
	})
}

// TestShutdownBesideASlowFlush: a request that takes nearly all of the window is not thrown away for a second one.
func TestShutdownBesideASlowFlush(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		takes    time.Duration
		external bool
		handover time.Duration // of Shutdown, from SIGTERM; zero: when the flush has ended
	}{
		{0, false, 0},
		{380 * ms, false, 0},
		{390 * ms, false, 387 * ms},
		{425 * ms, false, 387 * ms},
		{200 * ms, true, 0},
		{220 * ms, true, 207 * ms},
	} {
		t.Run(fmt.Sprint(tt.takes, tt.external), func(t *testing.T) {
			story(t, func(w *world) {
				if tt.external {
					w.extend("insights")
				}
				w.flusher.onFlush = func(ctx context.Context, call int) error { return pause(ctx, time.Duration(call-1)*tt.takes) }
			}, func(w *world) {
				w.serves("r")
				w.gracefully()
				term, flushed, shut := w.one(lambdatest.KindSigterm, ""), w.find(flushEnded, "")[1], w.one(shutdownBegun, "")
				if flushed.Detail != "<nil>" || between(term, flushed) != tt.takes {
					w.Errorf("after %v: %s", between(term, flushed), flushed)
				}
				if tt.handover == 0 {
					w.inOrder(flushed, shut)
				} else if d := between(term, shut); d != tt.handover {
					w.Errorf("Shutdown begins after %v", d)
				}
				w.inOrder(flushed, w.one(lambdatest.KindProcessExit, ""))
				w.logs("level=INFO msg=\"graceful shutdown completed\"")
			})
		})
	}
}
