package agent_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/agent"
)

// brokenError is an error of foreign code whose methods panic, or block until the end of the scenario.
type brokenError struct{ end <-chan struct{} }

func (e brokenError) Error() string {
	if e.end != nil {
		<-e.end
	}
	panic("in Error")
}

// TestBrokenErrorsOfForeignCode asserts that no method of an error of a Flusher or a hook harms the function, the
// shutdown or the log: not of a returned error, and not of the value of a panic. Package bounded has more of such errors.
func TestBrokenErrorsOfForeignCode(t *testing.T) {
	for place, arrange := range map[string]func(w *run, err error){
		"ForceFlush": func(w *run, err error) { w.flusher.onFlush = func(context.Context, int) error { return err } },
		"Shutdown":   func(w *run, err error) { w.flusher.onClose = func(context.Context) error { return err } },
		"hook": func(w *run, err error) {
			w.options = append(w.options, agent.WithShutdownHook(func(context.Context) { panic(err) }))
		},
		"panic in ForceFlush":      func(w *run, err error) { w.flusher.onFlush = func(context.Context, int) error { panic(err) } },
		"panic in SetExitDeadline": func(w *run, err error) { w.flusher.onDeadline = func() { panic(err) } },
		"panic in EndOpenSpans":    func(w *run, err error) { w.flusher.onEnd = func([][8]byte) { panic(err) } },
	} {
		for name, blocks := range map[string]bool{"it panics": false, "it blocks": true} {
			t.Run(place+", "+name, func(t *testing.T) {
				scenario(t, func(w *run) {
					var err brokenError
					if blocks {
						err.end = w.untilEnd()
					}
					arrange(w, err)
					w.several = blocks
					w.handle = func(_ context.Context, m *function) error {
						m.agent.EndOpenSpans(m.id, "as after a panic")
						_ = m.agent.Flush(m.id)
						return nil
					}
				}, func(w *run) {
					w.serves("r")
					w.serves("again")
					began := time.Now()
					w.gracefully()
					w.exits(began, 500*time.Millisecond)
					w.one(shutdownBegun, "")
				})
			})
		}
	}
}

// liar is an error that says it is any other error.
type liar struct{}

func (liar) Error() string   { return "refused" }
func (liar) Is(error) bool   { return true }
func (liar) Unwrap() []error { return []error{context.DeadlineExceeded} }

// TestErrorsOfFlushersSayNothingAboutTheAgent asserts that the agent knows its own results by value, and that the caller of
// Flush has the Flusher's error.
func TestErrorsOfFlushersSayNothingAboutTheAgent(t *testing.T) {
	scenario(t, func(w *run) {
		w.flusher.onFlush = func(context.Context, int) error { return liar{} }
		w.handle = func(_ context.Context, m *function) error {
			if err := m.agent.Flush(m.id); !errors.Is(err, liar{}) || err.Error() != "refused" {
				w.Errorf("error %v, want the Flusher's", err)
			}
			return nil
		}
	}, func(w *run) {
		w.serves("r")
		if got := w.stats(); got.FlushErrors != got.Flushes {
			w.Errorf("stats %+v, want no stuck flush", got)
		}
		w.gracefully()
	})
}
