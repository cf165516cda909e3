package agent_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

// orders are all ways in which INVOKE and the invocation can come: INVOKE before the handler, during it, after it has
// returned, and after the runtime has asked for the next invocation.
var orders = map[string]lambdatest.Order{
	"INVOKE first":     lambdatest.OrderInvokeFirst,
	"invocation first": lambdatest.OrderInvocationFirst,
	"after the post":   lambdatest.OrderInvokeLate,
	"after runtime's":  lambdatest.OrderInvokeLast,
	"random":           lambdatest.OrderRandom,
}

func TestFlushFollowsTheResponseAndPrecedesNext(t *testing.T) {
	for name, order := range orders {
		for _, handler := range []time.Duration{0, time.Millisecond, 40 * time.Millisecond} {
			t.Run(fmt.Sprintf("%s, handler %v", name, handler), func(t *testing.T) {
				scenario(t, func(w *run) {
					w.config.Order, w.config.OrderGap = order, 10*time.Millisecond
					w.handle = func(ctx context.Context, _ *function) error { return pause(ctx, handler) }
					w.flusher.onFlush = taking(30 * time.Millisecond)
				}, func(w *run) {
					for i := range 5 {
						w.serves(strconv.Itoa(i))
						time.Sleep(time.Hour) // frozen
					}
					for i := range 5 {
						id := strconv.Itoa(i)
						begun, ended := w.find(flushBegun, "")[i], w.find(flushEnded, "")[i]
						next := w.one(lambdatest.KindExtensionNext, id)
						w.inOrder(w.one(lambdatest.KindResponsePosted, id), w.one(endCalled, id), begun, ended, next)
						if d := between(ended, next); d != 0 {
							w.Errorf("%s: next comes %v after the flush", id, d)
						}
						if d := w.one(endReturned, id).Duration; d != 0 {
							w.Errorf("%s: End blocks for %v", id, d)
						}
					}
					if got := w.stats(); got.Mode != "extension" || got.Invocations != 5 || got.Flushes != 5 ||
						got.FlushTime != 150*time.Millisecond || got.HandlersNotStarted != 0 {
						w.Errorf("stats %+v", got)
					}
					w.exportsInBackground(false)
					w.gracefully()
				})
			})
		}
	}
}

func TestSlowBackendDelaysNeitherResponseNorBeyondTheBudget(t *testing.T) {
	scenario(t, func(w *run) {
		w.config.Timeout = 30 * time.Second
		w.flusher.onFlush = taking(time.Hour) // hangs, and honors its context
	}, func(w *run) {
		for i := range 3 {
			id := strconv.Itoa(i)
			w.serves(id)
			posted, answered := w.one(lambdatest.KindResponsePosted, id), w.one(lambdatest.KindCallerAnswered, id)
			if d := between(posted, answered); d != 0 {
				w.Errorf("the caller waits %v for its response", d)
			}
			begun, next := w.find(flushBegun, "")[i], w.one(lambdatest.KindExtensionNext, id)
			if d := between(begun, next); d != 2*time.Second {
				w.Errorf("the environment is held for %v, want the flush timeout", d)
			}
		}
		if got := w.stats(); got.FlushErrors != 3 {
			w.Errorf("stats %+v", got)
		}
	})
}

func TestFlushErrorsAreCountedAndLoggedAtIntervals(t *testing.T) {
	scenario(t, func(w *run) {
		w.flusher.onFlush = func(_ context.Context, call int) error {
			if call == 7 {
				panic("broken exporter")
			}
			return errors.New("backend says no")
		}
	}, func(w *run) {
		for i := range 10 {
			w.serves(strconv.Itoa(i))
		}
		w.logs("agent: flush failed", "backend says no")
		if got := w.stats(); got.Flushes != 10 || got.FlushErrors != 10 {
			w.Errorf("stats %+v", got)
		}
		time.Sleep(time.Minute)
		w.serves("later")
		if n := strings.Count(w.lines.String(), "agent: flush failed"); n != 2 {
			w.Errorf("%d lines, want a second one after a minute", n)
		}
		w.logs("suppressed=9")
	})
}

func TestPayloadThatDoesNotDecodeIsReleased(t *testing.T) {
	scenario(t, func(w *run) { w.config.Order = lambdatest.OrderInvokeFirst }, func(w *run) {
		w.serves("before")
		resp, err := w.env.Invoke(w.Context(), lambdatest.Invocation{RequestID: "bad", Payload: notJSON})
		if err != nil || resp.FunctionError == "" {
			w.Fatalf("%+v %v", resp, err)
		}
		w.idle()
		if d := between(w.one(lambdatest.KindInvokeReleased, "bad"), w.one(lambdatest.KindExtensionNext, "bad")); d != 250*time.Millisecond {
			w.Errorf("held for %v, want the handler start wait", d)
		}
		if n := len(w.find(flushBegun, "")); n != 2 {
			w.Errorf("%d flushes, want one for each invocation", n)
		}
		w.serves("after")
		if got := w.stats(); got.HandlersNotStarted != 1 || got.Invocations != 3 {
			w.Errorf("stats %+v", got)
		}
		w.gracefully()
	})
}

func TestEndOfALateStartFlushes(t *testing.T) {
	scenario(t, func(w *run) {
		w.config.Order, w.config.OrderGap = lambdatest.OrderInvokeFirst, 400*time.Millisecond
		w.flusher.onFlush = taking(30 * time.Millisecond)
		w.handle = func(_ context.Context, m *function) error {
			if m.agent.FlushesAfterEnd(m.id) {
				w.Error("FlushesAfterEnd of a released invocation")
			}
			return nil
		}
	}, func(w *run) {
		w.serves("late")
		posted := w.one(lambdatest.KindResponsePosted, "late")
		next := w.find(lambdatest.KindRuntimeNext, "late")[0]
		if n := len(w.within(posted, next, flushEnded)); n != 1 {
			w.Errorf("%d flushes between the response and the runtime's next, want one", n)
		}
		if d := w.one(endReturned, "late").Duration; d != 30*time.Millisecond {
			w.Errorf("End took %v, want the flush", d)
		}
		if got := w.stats(); got.HandlersNotStarted != 1 {
			w.Errorf("stats %+v", got)
		}
	})
}

func TestStartDuringTheFlushBeforeTheReleaseIsHeld(t *testing.T) {
	scenario(t, func(w *run) {
		w.config.Order, w.config.OrderGap = lambdatest.OrderInvokeFirst, 300*time.Millisecond
		w.handle = func(ctx context.Context, _ *function) error { return pause(ctx, 200*time.Millisecond) }
		w.flusher.onFlush = taking(100 * time.Millisecond) // from 250 to 350
	}, func(w *run) {
		w.serves("r")
		flushes := w.find(flushBegun, "")
		if len(flushes) != 2 {
			w.Fatalf("%d flushes", len(flushes))
		}
		w.inOrder(flushes[0], w.one(handlerBegun, "r"), w.one(lambdatest.KindResponsePosted, "r"), flushes[1],
			w.one(lambdatest.KindExtensionNext, "r"))
		if got := w.stats(); got.HandlersNotStarted != 0 {
			w.Errorf("stats %+v", got)
		}
	})
}

func TestUnwrappedFunctionIsNeverHeld(t *testing.T) {
	scenario(t, func(w *run) {
		w.wrapped = false
		w.handle = func(ctx context.Context, _ *function) error { return pause(ctx, time.Second) }
		w.flusher.onFlush = taking(900 * time.Millisecond)
		w.config.Order = lambdatest.OrderInvokeFirst
	}, func(w *run) {
		w.serves("1")
		w.serves("2")
		for _, id := range []string{"1", "2"} {
			if d := between(w.one(lambdatest.KindInvokeReleased, id), w.one(lambdatest.KindExtensionNext, id)); d != 0 {
				w.Errorf("%s: next is asked for after %v", id, d)
			}
			if d := between(w.one(lambdatest.KindResponsePosted, id), w.one(lambdatest.KindPhaseDone, id)); d != 0 {
				w.Errorf("%s is held for %v", id, d)
			}
		}
		if got := w.stats(); got.UnwrappedInvokes != 2 || got.Flushes != 2 {
			w.Errorf("stats %+v", got)
		}
		w.gracefully()
	})
}

// TestEndFlushesForATrackerThatDidNotAttach: the loop holds nothing for it, so End has to flush.
func TestEndFlushesForATrackerThatDidNotAttach(t *testing.T) {
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.unattached = true
				w.config.Order = order
				w.handle = func(_ context.Context, m *function) error {
					if m.agent.FlushesAfterEnd(m.id) {
						w.Error("FlushesAfterEnd although nothing does")
					}
					return pause(context.Background(), time.Second)
				}
			}, func(w *run) {
				w.serves("r")
				posted, next := w.one(lambdatest.KindResponsePosted, "r"), w.find(lambdatest.KindRuntimeNext, "r")[0]
				if n := len(w.within(posted, next, flushEnded)); n == 0 {
					w.Error("no flush between the response and the runtime's next")
				}
			})
		})
	}
}

func TestErrorsAreFlushedAfterTheyHaveBeenPosted(t *testing.T) {
	scenario(t, func(w *run) {
		w.handle = func(context.Context, *function) error { return errors.New("no such order") }
	}, func(w *run) {
		for _, id := range []string{"1", "2"} {
			if resp := w.invokeAs(id); resp.ErrorMessage != "no such order" {
				w.Errorf("%+v", resp)
			}
			w.idle()
		}
		for i, id := range []string{"1", "2"} {
			w.inOrder(w.one(lambdatest.KindErrorPosted, id), w.find(flushBegun, "")[i], w.find(flushEnded, "")[i],
				w.one(lambdatest.KindExtensionNext, id))
		}
	})
}
