package soak

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// ledger is the account of one process in memory, kept outside of it: what a witness beside the SDK saw, and what the
// receiver got. The witness writes to it on the goroutines of the process, everything else on that of the walk.
type ledger struct {
	number int // of the process, from 1
	tel    *otelx.SDK
	agent  *agent.Agent
	over   <-chan struct{} // closed when the process has ended
	wires  *wires

	mu      sync.Mutex
	started int
	ended   int
	late    int // of ended, those that ended after the process: it could not have
	spans   map[trace.SpanID]*fate

	told        int   // spans that have arrived with a request that was answered
	provisional int   // copies of open spans that have
	rejected    int64 // spans that answers have rejected in part
	refused     int64 // spans of requests that were refused for good
	copies      bool  // some of the requests may be of copies, of which the account says nothing where they are not taken
}

// provisionalKey marks copies of spans that were open.
const provisionalKey = "epilogue.provisional"

// fate is what became of a span that has ended.
type fate struct {
	late    bool // it ended after its process
	arrived int
	told    bool // in a request that was answered, so that it must not come again
}

func newLedger(number int, tel *otelx.SDK, ag *agent.Agent, m machine) *ledger {
	return &ledger{number: number, tel: tel, agent: ag, over: m.ended, wires: m.wires, spans: make(map[trace.SpanID]*fate)}
}

// OnStart implements sdktrace.SpanProcessor.
func (l *ledger) OnStart(context.Context, sdktrace.ReadWriteSpan) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.started++
}

// OnEnd implements sdktrace.SpanProcessor.
func (l *ledger) OnEnd(s sdktrace.ReadOnlySpan) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended++
	late := false
	select {
	case <-l.over:
		late = true
		l.late++
	default:
	}
	l.spans[s.SpanContext().SpanID()] = &fate{late: late}
}

// Shutdown implements sdktrace.SpanProcessor.
func (l *ledger) Shutdown(context.Context) error { return nil }

// ForceFlush implements sdktrace.SpanProcessor.
func (l *ledger) ForceFlush(context.Context) error { return nil }

// receive enters what the receiver has got since the last time, all of it from this process. Of the requests that are
// abandoned the process has not had the answer: they were under way when it was frozen.
func (l *ledger) receive(spans []otlpreceiver.Span, requests []otlpreceiver.Request, abandoned map[int]bool) (errs error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	answered := make(map[int]bool)
	for _, req := range requests {
		answered[req.Number] = req.Status != 0 && !abandoned[req.Number]
		switch {
		case !answered[req.Number]:
		case req.Status == 400:
			l.refused += int64(req.Spans)
		case req.Status == 200:
			l.rejected += int64(req.Spans - req.Kept)
		}
	}
	for _, span := range spans {
		errs = errors.Join(errs, l.arrive(span, answered[span.Request]))
	}
	return errs
}

func (l *ledger) arrive(span otlpreceiver.Span, answered bool) error {
	if span.Attributes[provisionalKey] == true {
		if answered {
			l.provisional++
		}
		return nil
	}
	var id trace.SpanID
	if _, err := hex.Decode(id[:], []byte(span.SpanID)); err != nil {
		return err
	}
	f := l.spans[id]
	switch {
	case f == nil:
		return fmt.Errorf("span %s %q arrived and has never ended in this process", span.SpanID, span.Name)
	case f.told:
		return fmt.Errorf("span %s %q arrived with request %d, and before in one that was answered", span.SpanID, span.Name, span.Request)
	}
	f.arrived++
	if answered {
		f.told = true
		l.told++
	}
	return nil
}

// audit compares the SDK's account with the ledger. Nothing may be under way.
func (l *ledger) audit() (errs error) {
	s := l.tel.Stats()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range []struct {
		what      string
		got, want int64
	}{
		{"Ended is not Exported + Pending + Dropped", s.Ended, s.Exported + s.Pending + s.Dropped.Total()},
		{"Ended is not what has ended", s.Ended, int64(l.ended)},
		{"Exported is not what arrived and was answered", s.Exported, int64(l.told)},
		{"Provisional is not what arrived of copies", s.Provisional, int64(l.provisional)},
		{"Rejected is not what the collector rejected", s.Dropped.Rejected, l.rejected},
		{"Refused is not what the collector refused", s.Dropped.Refused, l.refused},
		{"TooLarge", s.Dropped.TooLarge, 0},
	} {
		if l.copies && strings.Contains(c.what, "the collector") && c.got < c.want {
			continue
		}
		if c.got != c.want {
			errs = errors.Join(errs, fmt.Errorf("%s: %d, %d; %+v", c.what, c.got, c.want, s))
		}
	}
	return errs
}

// missing counts the spans that ended while the process lived and never arrived, and those that it never ended.
func (l *ledger) missing() (lost, open int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.spans {
		if f.arrived == 0 && !f.late {
			lost++
		}
	}
	return lost, l.started - l.ended
}
