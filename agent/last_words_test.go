package agent_test

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/agent"
)

// dying is a world whose flushes fail, and whose process is about to end after the flush of a panic.
func dying(w *world) {
	w.flusher.onFlush = func(context.Context, int) error { return errors.New("backend down") }
	w.handle = func(_ context.Context, m *mainland) error {
		m.agent.Hasten(m.id)
		_ = m.agent.Flush(m.id)
		m.agent.WriteOut(m.id)
		panic("boom")
	}
}

func TestWriteOut(t *testing.T) {
	for name, tt := range map[string]struct {
		onWrite func(context.Context) int
		timeout time.Duration
		has     time.Duration // the lines
		says    string
	}{
		"some":         {func(context.Context) int { return 3 }, 0, 250 * time.Millisecond, "what could not be delivered is written out\" written=3"},
		"none":         {func(context.Context) int { return 0 }, 0, 250 * time.Millisecond, ""},
		"near the end": {func(context.Context) int { return 3 }, 200 * time.Millisecond, 150 * time.Millisecond, "written=3"},
		"a log hangs":  {func(ctx context.Context) int { <-ctx.Done(); time.Sleep(time.Minute); return 0 }, 0, 250 * time.Millisecond, "WriteOut failed"},
		"a log panics": {func(context.Context) int { panic("no paper") }, 0, 250 * time.Millisecond, "no paper"},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, func(w *world) {
				dying(w)
				w.flusher.onWrite = tt.onWrite
				w.config.Timeout = tt.timeout
			}, func(w *world) {
				w.invokeAs("p")
				w.idle()
				e := w.one(writtenOut, "")
				w.inOrder(w.find(hastened, "")[0], w.find(flushEnded, "")[0], e)
				if e.Duration.Round(time.Millisecond) != tt.has {
					w.Errorf("the lines have %v, want %v", e.Duration, tt.has)
				}
				if !strings.Contains(w.lines.String(), tt.says) {
					w.Errorf("nobody said %q", tt.says)
				}
				time.Sleep(2 * time.Minute)
			})
		})
	}
}

// The shutdown does all that is to be done.
func TestWriteOutLeavesItToTheShutdown(t *testing.T) {
	story(t, func(w *world) {
		w.handle = func(ctx context.Context, m *mainland) error {
			_ = pause(ctx, time.Second)
			m.agent.WriteOut(m.id)
			return nil
		}
		w.flusher.onClose = func(ctx context.Context) error { return pause(ctx, 300*time.Millisecond) }
	}, func(w *world) {
		w.invokeInBackground("r")
		time.Sleep(900 * time.Millisecond)
		w.signal(syscall.SIGTERM, window)
		w.none(writtenOut)
	})
	if n := (*agent.Agent)(nil).WriteOut("r"); n != 0 {
		t.Errorf("no agent has written %d", n)
	}
}

// The Flusher knows from the first moment of the shutdown on how long there is time.
func TestFlusherIsHastened(t *testing.T) {
	for name, hang := range map[string]time.Duration{"at once": 0, "hangs": time.Minute} {
		t.Run(name, func(t *testing.T) {
			story(t, func(w *world) {
				w.flusher.onHasten = func() { time.Sleep(hang) }
			}, func(w *world) {
				w.serves("r")
				w.gracefully()
				e := w.one(hastened, "")
				w.inOrder(e, w.one(openEnded, ""), w.find(flushBegun, "")[1], w.one(shutdownBegun, ""))
				if e.Duration != 430*time.Millisecond {
					w.Errorf("there are %v", e.Duration)
				}
				if said := strings.Contains(w.lines.String(), "hasten: did not return"); said != (hang > 0) {
					w.Errorf("said: %t", said)
				}
				time.Sleep(2 * time.Minute)
			})
		})
	}
}
