package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/lambdatest"
)

// gap is the time between two invocations.
const gap = 900 * time.Millisecond

// dense invokes until a flush was deferred. The next one is deferred too, if it comes within the period.
func (w *run) dense() {
	w.Helper()
	for n := 0; n < 20 && w.stats().FlushesDeferred == 0; n++ {
		w.serves("dense-" + strconv.Itoa(n))
		time.Sleep(gap)
	}
}

// adaptively defers flushes after four seconds of dense traffic, for two.
func adaptively(w *run) {
	w.options = []agent.Option{agent.WithFlushStrategy(agent.Adaptive(4 * time.Second))}
	w.flusher.onFlush = taking(30 * time.Millisecond)
}

func TestDeferredFlushHoldsNothingAndLeavesAtSIGTERM(t *testing.T) {
	for name, order := range orders {
		for _, strategy := range []agent.FlushStrategy{agent.Periodic(4 * time.Second), agent.Adaptive(4 * time.Second)} {
			t.Run(name+", "+strategy.String(), func(t *testing.T) {
				scenario(t, func(w *run) {
					adaptively(w)
					w.config.Order, w.config.OrderGap = order, 10*time.Millisecond
					w.options = []agent.Option{agent.WithFlushStrategy(strategy)}
				}, func(w *run) {
					w.dense()
					flushes := len(w.find(flushBegun, ""))
					w.serves("last")
					if held := between(w.one(endCalled, "last"), w.one(lambdatest.KindPhaseDone, "last")); held > 10*time.Millisecond {
						w.Errorf("held for %v, although nothing is flushed", held) // a gap, for INVOKE
					}
					if s := w.stats(); len(w.find(flushBegun, "")) != flushes || s.FlushesDeferred < 2 || s.EmptyFlushesSkipped != 0 {
						w.Errorf("flushes %d, then %d; stats %+v", flushes, len(w.find(flushBegun, "")), s)
					}
					time.Sleep(time.Hour) // frozen
					w.gracefully()
					if n := len(w.find(flushEnded, "")); n != flushes+1 {
						w.Errorf("%d flushes in the shutdown, want one", n-flushes)
					}
				})
			})
		}
	}
}

// TestFaultsFlushWhateverTheStrategy has each fault follow a deferred flush.
func TestFaultsFlushWhateverTheStrategy(t *testing.T) {
	const id = "fault"
	urgent := false
	for name, fault := range map[string]struct {
		handle  func(ctx context.Context, m *function) error
		payload json.RawMessage
		flushes int // without the shutdown's
	}{
		"a panic":                        {func(context.Context, *function) error { panic("no") }, nil, 1},
		"a flush that is asked for":      {func(_ context.Context, m *function) error { return m.agent.Flush(id) }, nil, 1},
		"the flush before a timeout":     {func(ctx context.Context, _ *function) error { return pause(ctx, 2900*time.Millisecond) }, nil, 2}, // and its end, which comes late
		"a payload that does not decode": {nil, notJSON, 1},
		"a Pipeline that says so":        {func(context.Context, *function) error { urgent = true; return nil }, nil, 1},
		"an error is no fault":           {func(context.Context, *function) error { return errors.New("no") }, nil, 0},
		"a timeout":                      {untilKilled, nil, 2}, // before the deadline, and at SIGTERM
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				adaptively(w)
				urgent = false
				w.flusher.onPending = func() (int, bool) { return 1, urgent }
			}, func(w *run) {
				w.dense()
				flushes := len(w.find(flushBegun, ""))
				if fault.handle != nil {
					w.handle = fault.handle
				}
				_, err := w.env.Invoke(w.Context(), lambdatest.Invocation{RequestID: id, Payload: fault.payload})
				if err != nil {
					w.Fatal(err)
				}
				w.idle()
				if n := len(w.find(flushEnded, "")) - flushes; n != fault.flushes {
					w.Errorf("%d flushes, want %d", n, fault.flushes)
				}
			})
		})
	}
}

// TestNothingFreezesOnAFlushUnderWay asserts that an end which could be deferred waits for the flush before a timeout.
func TestNothingFreezesOnAFlushUnderWay(t *testing.T) {
	scenario(t, func(w *run) {
		adaptively(w)
		w.flusher.onFlush = taking(500 * time.Millisecond)
		w.config.Timeout = 10 * time.Second
		w.options = []agent.Option{agent.WithFlushStrategy(agent.Periodic(5 * time.Minute)), agent.WithPreTimeoutFlush(9 * time.Second)}
	}, func(w *run) {
		w.dense()
		flushes := len(w.find(flushBegun, ""))
		w.handle = func(ctx context.Context, _ *function) error { return pause(ctx, 5100*time.Millisecond) }
		w.serves("close") // from the 5th second on, as half of the time is left then
		ended := w.find(flushEnded, "")[flushes:]
		if len(ended) != 2 {
			w.Fatalf("%d flushes, want the one before the timeout and another one", len(ended))
		}
		w.inOrder(w.one(endCalled, "close"), ended[0], ended[1], w.one(lambdatest.KindExtensionNext, "close"))
	})
}

func TestFlushIsSkippedIfNothingIsPending(t *testing.T) {
	for _, state := range []string{"extension", "shutdown-only"} {
		t.Run(state, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.flusher.onPending = func() (int, bool) { return 0, false }
				if state == "shutdown-only" {
					w.options = append(w.options, agent.WithShutdownOnly())
				}
				w.flusher.onFlush = taking(time.Second)
			}, func(w *run) {
				for _, id := range []string{"1", "2", "3"} {
					w.serves(id)
					if held := between(w.one(endCalled, id), w.one(lambdatest.KindPhaseDone, id)); held > 5*time.Millisecond {
						w.Errorf("held for %v", held) // the platform's gap, for an INVOKE that comes late
					}
				}
				if s := w.stats(); s.Mode != state || s.EmptyFlushesSkipped != 3 || s.Flushes != 0 || s.FlushesDeferred != 0 {
					w.Errorf("stats %+v", s)
				}
				w.gracefully() // which flushes all the same
				w.one(flushBegun, "")
			})
		})
	}
}

// TestPendingIsNotTrusted asserts that the agent flushes if Pending panics, and that Pending holds the environment for at
// most the time of a flush if it hangs.
func TestPendingIsNotTrusted(t *testing.T) {
	release := make(chan struct{})
	for name, tt := range map[string]struct {
		pending func() (int, bool)
		held    time.Duration
		flushes int64
	}{
		"panics": {func() (int, bool) { panic("no") }, 0, 2},
		"hangs":  {func() (int, bool) { <-release; return 0, false }, time.Second, 1}, // the first flush has no time left to be made
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				release = make(chan struct{})
				w.flusher.onPending = tt.pending
				w.options = []agent.Option{agent.WithFlushTimeout(time.Second)}
			}, func(w *run) {
				w.serves("1")
				if held := between(w.one(endCalled, "1"), w.one(lambdatest.KindExtensionNext, "1")); held < tt.held || held > tt.held+20*time.Millisecond {
					w.Errorf("held for %v, want %v", held, tt.held)
				}
				w.serves("2")
				if held := between(w.one(endCalled, "2"), w.one(lambdatest.KindExtensionNext, "2")); held > 20*time.Millisecond {
					w.Errorf("while the call hangs, held for %v", held)
				}
				if s := w.stats(); s.Flushes != tt.flushes || s.EmptyFlushesSkipped != 0 {
					w.Errorf("stats %+v", s)
				}
				close(release)
			})
		})
	}
}

// TestStrategyIsForModeExtension asserts that End always flushes if it flushes at all, and that the background export
// flushes if nothing freezes.
func TestStrategyIsForModeExtension(t *testing.T) {
	refused := lambdatest.Fault{Status: http.StatusForbidden, ErrorType: "Extension.TooManyExtensions"}
	for state, arrange := range map[string]func(w *run){
		"shutdown-only":     func(w *run) { w.options = append(w.options, agent.WithShutdownOnly()) },
		"unregistered":      func(w *run) { w.config.Faults.Register = refused },
		"managed-instances": func(w *run) { w.config.ManagedInstances = true },
	} {
		t.Run(state, func(t *testing.T) {
			scenario(t, func(w *run) {
				adaptively(w)
				arrange(w)
			}, func(w *run) {
				for i := range 8 {
					w.serves(strconv.Itoa(i))
					time.Sleep(gap)
				}
				want := int64(8)
				if state == "managed-instances" {
					want = 0
				}
				if s := w.stats(); s.Mode != state || s.Flushes != want || s.FlushesDeferred != 0 {
					w.Errorf("stats %+v, want %d flushes", s, want)
				}
			})
		})
	}
}
