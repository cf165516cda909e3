package otelx

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/epilogue-go/epilogue/internal/spill"
)

// page is a writer that a test can read back, hold and script.
type page struct {
	mu     sync.Mutex
	writes [][]byte
	gate   chan struct{}          // nil: open
	answer func(call int) error   // nil: no error
	before func(line []byte)      // nil: nothing
	short  func(call int) (n int) // nil: whole
}

func (p *page) Write(b []byte) (int, error) {
	if p.before != nil {
		p.before(b)
	}
	if p.gate != nil {
		<-p.gate
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	call := len(p.writes)
	p.writes = append(p.writes, bytes.Clone(b))
	if p.answer != nil {
		if err := p.answer(call); err != nil {
			return 0, err
		}
	}
	if p.short != nil {
		return p.short(call), nil
	}
	return len(b), nil
}

func (p *page) lines() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.writes)
}

// spanNames reads the names of the spans of a line.
func spanNames(t *testing.T, line []byte) []string {
	t.Helper()
	var doc struct {
		ResourceSpans []struct {
			ScopeSpans []struct{ Spans []struct{ Name string } }
		}
	}
	if err := json.Unmarshal(line, &doc); err != nil || bytes.IndexByte(line, '\n') != len(line)-1 {
		t.Fatalf("not a line of JSON: %v: %.200q", err, line)
	}
	var out []string
	for _, r := range doc.ResourceSpans {
		for _, s := range r.ScopeSpans {
			for _, span := range s.Spans {
				out = append(out, span.Name)
			}
		}
	}
	return out
}

func (p *page) names(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, line := range p.lines() {
		out = append(out, spanNames(t, line)...)
	}
	return out
}

// startSpilling returns an SDK on x that spills to w.
func startSpilling(x exporter, w io.Writer, s sized) *SDK {
	sdk := start(x, s)
	p := sdk.processor
	p.spiller = newSpillerTo(w, spill.DefaultMaxBytes, p.queue)
	return sdk
}

// down is a backend that takes nothing.
func down() []outcome {
	return slices.Repeat([]outcome{{verdict: keep, err: errDown}}, 9)
}
