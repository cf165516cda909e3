package agent_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/agent"
)

// brokenErrors are errors of foreign code whose methods panic or block. Each is made for one scenario.
var brokenErrors = map[string]func(w *run) error{
	"typed nil": func(*run) error {
		var err *url.Error
		return err
	},
	"Error panics":  func(*run) error { return panickingError{} },
	"Error blocks":  func(w *run) error { return blockingError{w.untilEnd()} },
	"Unwrap panics": func(*run) error { return panickingUnwrap{} },
	"Is panics":     func(*run) error { return panickingIs{} },
	"cyclic": func(*run) error {
		ring := &wrapping{}
		ring.wrapped = []error{fmt.Errorf("around: %w", ring)}
		return ring
	},
	"many paths": func(*run) error {
		var err error = &wrapping{}
		for range 60 {
			err = &wrapping{[]error{err, err}}
		}
		return err
	},
	"endless": func(*run) error { return endless{} },
}

// wrapping is an error that wraps others.
type wrapping struct{ wrapped []error }

func (*wrapping) Error() string     { return "refused" }
func (w *wrapping) Unwrap() []error { return w.wrapped }

// endless is an error that always wraps another one.
type endless struct{}

func (endless) Error() string   { return "refused" }
func (e endless) Unwrap() error { return e }

type (
	panickingError  struct{}
	panickingUnwrap struct{}
	panickingIs     struct{}
	blockingError   struct{ end <-chan struct{} }
)

func (panickingError) Error() string  { panic("in Error") }
func (panickingUnwrap) Error() string { return "refused" }
func (panickingUnwrap) Unwrap() error { panic("in Unwrap") }
func (panickingIs) Error() string     { return "refused" }
func (panickingIs) Is(error) bool     { panic("in Is") }
func (e blockingError) Error() string { <-e.end; return "late" }

// untilEnd returns a channel that is closed at the end of the scenario.
func (w *run) untilEnd() <-chan struct{} {
	end := make(chan struct{})
	w.Cleanup(func() { close(end) })
	return end
}

// TestBrokenErrorsOfForeignCode asserts that no method of an error of a Flusher or a hook harms the function, the
// shutdown or the log: not of a returned error, and not of the value of a panic.
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
		for name, broken := range brokenErrors {
			for _, several := range []bool{false, true} {
				t.Run(place+"/"+name+map[bool]string{true: ", of several"}[several], func(t *testing.T) {
					scenario(t, func(w *run) {
						arrange(w, broken(w))
						w.several = several
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
