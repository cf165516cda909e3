package agent_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/agent"
)

// dying has a handler that panics while the backend is down.
func dying(w *run) {
	w.flusher.onFlush = func(context.Context, int) error { return errors.New("backend down") }
	w.handle = func(_ context.Context, m *function) error {
		m.agent.FlushBeforeExit(m.id)
		panic("boom")
	}
}

func TestFlushBeforeExitSpillsWhatItCannotDeliver(t *testing.T) {
	for name, tt := range map[string]struct {
		onSpill func(context.Context) int
		timeout time.Duration
		has     time.Duration // SpillPending
		says    string
	}{
		"some":         {func(context.Context) int { return 3 }, 0, 250 * time.Millisecond, "undelivered telemetry is spilled\" spilled=3"},
		"none":         {func(context.Context) int { return 0 }, 0, 250 * time.Millisecond, ""},
		"near the end": {func(context.Context) int { return 3 }, 200 * time.Millisecond, 150 * time.Millisecond, "spilled=3"},
		"it hangs":     {func(ctx context.Context) int { <-ctx.Done(); time.Sleep(time.Minute); return 0 }, 0, 250 * time.Millisecond, "SpillPending failed"},
		"it panics":    {func(context.Context) int { panic("no paper") }, 0, 250 * time.Millisecond, "no paper"},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				dying(w)
				w.flusher.onSpill = tt.onSpill
				w.config.Timeout = tt.timeout
			}, func(w *run) {
				w.invokeAs("p")
				w.idle()
				e := w.one(spilled, "")
				w.inOrder(w.find(deadlineSet, "")[0], w.find(flushEnded, "")[0], e)
				if e.Duration.Round(time.Millisecond) != tt.has {
					w.Errorf("SpillPending has %v, want %v", e.Duration, tt.has)
				}
				if !strings.Contains(w.lines.String(), tt.says) {
					w.Errorf("no line with %q", tt.says)
				}
				time.Sleep(2 * time.Minute)
			})
		})
	}
}

// TestFlushBeforeExitIsShortIfTheBackendIsDown asserts that the caller of a function that panics waits for a flush that
// will probably fail no longer than 250 ms.
func TestFlushBeforeExitIsShortIfTheBackendIsDown(t *testing.T) {
	const short, usual = 250 * time.Millisecond, 2 * time.Second
	signals := func(breakers ...string) (all []agent.SignalCounts) {
		for _, b := range breakers {
			all = append(all, agent.SignalCounts{Name: "signal " + b, Breaker: b})
		}
		return all
	}
	for name, tt := range map[string]struct {
		counts  []agent.SignalCounts
		options []agent.Option
		want    time.Duration
	}{
		"no signal":                   {nil, nil, usual},
		"no breaker":                  {signals(""), nil, usual},
		"closed":                      {signals("closed", ""), nil, usual},
		"open":                        {signals("open"), nil, short},
		"half-open":                   {signals("half-open"), nil, short},
		"one of several":              {signals("", "closed", "open"), nil, short},
		"open, shorter flush timeout": {signals("open"), []agent.Option{agent.WithFlushTimeout(100 * time.Millisecond)}, 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				dying(w)
				w.flusher.onFlush = taking(time.Hour)
				w.flusher.counts, w.options = tt.counts, tt.options
			}, func(w *run) {
				w.invokeAs("p")
				w.idle()
				if d := w.one(deadlineSet, "").Duration; d != tt.want {
					w.Errorf("the exit deadline is %v away, want %v", d, tt.want)
				}
				if d := between(w.one(handlerBegun, "p"), w.one(spilled, "")); d != tt.want {
					w.Errorf("the flush took %v, want %v", d, tt.want)
				}
			})
		})
	}
}

// TestFlushBeforeExitLeavesItToTheShutdown asserts that a shutdown that is under way neither gets another exit deadline
// nor has its work spilled.
func TestFlushBeforeExitLeavesItToTheShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := standalone(t)
		w.flusher.onClose = func(ctx context.Context) error { return pause(ctx, 300*time.Millisecond) }
		signals, exited := make(chan chan<- os.Signal, 1), make(chan int, 1)
		p := hangingPlatform(t, signals, exited)
		p.Dial = refusedDial
		a := w.start(t.Context(), p)
		(<-signals) <- syscall.SIGTERM
		time.Sleep(100 * time.Millisecond)
		began := time.Now()
		a.FlushBeforeExit("r") // until the exit, which returns
		if took := time.Since(began); took != 200*time.Millisecond || len(exited) != 1 {
			t.Errorf("returned after %v and %d exits, want the rest of the shutdown", took, len(exited))
		}
		w.none(spilled)
		w.one(deadlineSet, "")
	})
	(*agent.Agent)(nil).FlushBeforeExit("r")
}

// TestShutdownSetsTheExitDeadline asserts that the Pipeline knows the end of the window from its first moment on.
func TestShutdownSetsTheExitDeadline(t *testing.T) {
	for name, hang := range map[string]time.Duration{"returns": 0, "hangs": time.Minute} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.flusher.onDeadline = func() { time.Sleep(hang) }
			}, func(w *run) {
				w.serves("r")
				w.gracefully()
				e := w.one(deadlineSet, "")
				w.inOrder(e, w.one(openEnded, ""), w.find(flushBegun, "")[1], w.one(shutdownBegun, ""))
				if e.Duration != 430*time.Millisecond {
					w.Errorf("the deadline is %v away", e.Duration)
				}
				if logged := strings.Contains(w.lines.String(), "set exit deadline: did not return"); logged != (hang > 0) {
					w.Errorf("logged: %t", logged)
				}
				time.Sleep(2 * time.Minute)
			})
		})
	}
}
