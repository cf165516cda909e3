package agent

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestMultiFlusherOfNothing(t *testing.T) {
	for name, f := range map[string]Flusher{
		"none": MultiFlusher(), "nil ones": MultiFlusher(nil, Named("x", nil)), "others of none": MultiFlusher(MultiFlusher(), nil),
	} {
		if err := errors.Join(f.ForceFlush(t.Context()), f.Shutdown(t.Context())); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// partial has some methods of Pipeline, one of them with another signature.
type partial struct{ nothing }

func (partial) Pending() (n int, flushNow bool)      { panic("called") }
func (partial) SpillPending(context.Context) int     { panic("called") }
func (partial) EndOpenSpans([8]byte, string, string) { panic("called") }
func (partial) SetExitDeadline(time.Time)            { panic("called") }

func TestStartLogsMissingMethodsOfPipeline(t *testing.T) {
	var text strings.Builder
	process := Process{Getenv: func(string) string { return "" }}
	log := WithLogger(textLogger(&text))
	for _, f := range []Flusher{nothing{}, idle{}, MultiFlusher(nothing{}, idle{})} {
		Start(t.Context(), f, log, WithProcess(process))
	}
	if text.Len() > 0 {
		t.Errorf("a complete Pipeline, or a plain Flusher, is complained of: %s", &text)
	}
	a := Start(t.Context(), partial{}, log, WithProcess(process))
	if n, flushNow := a.flusher.Pending(t.Context()); n != 1 || flushNow {
		t.Errorf("pending %d, now %t", n, flushNow)
	}
	if want := `flusher=agent.partial missing="Flush, SetBackgroundExport, EndOpenSpans, Counts"`; !strings.Contains(text.String(), want) {
		t.Errorf("log %q, want %q", &text, want)
	}
}
