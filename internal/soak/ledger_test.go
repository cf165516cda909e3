package soak

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
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

	told        int   // spans that have arrived with a request whose answer the process has had
	perhaps     int   // others of whose answer nobody knows whether it has
	provisional int   // copies of open spans that have arrived
	rejected    known // spans that answers have rejected in part
	refused     known // spans of requests that were refused for good
}

// known is a number between what is certain and what is possible.
type known struct{ certain, possible int64 }

func (k *known) add(n int, certain bool) {
	k.possible += int64(n)
	if certain {
		k.certain += int64(n)
	}
}

// heard is whether a process has had the answer to a request.
type heard int

const (
	yes     heard = iota
	no            // there was none, or it came when the process had given up
	perhaps       // it came when the process was frozen
)

// provisionalKey marks copies of spans that were open.
const provisionalKey = "epilogue.provisional"

// fate is what became of a span that has ended.
type fate struct {
	late    bool // it ended after its process
	arrived int
	told    bool // in a request whose answer the process has had, so that it must not come again
	perhaps bool // it may have had
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

// receive enters what the receiver has got since the last time, all of it from this process. With copies, some of
// the requests may be of copies of open spans, of which the account says nothing where they are not taken.
func (l *ledger) receive(
	spans []otlpreceiver.Span, requests []otlpreceiver.Request, heardOf func(otlpreceiver.Request) heard, copies bool,
) (errs error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	answered := make(map[int]heard)
	for _, req := range requests {
		h := heardOf(req)
		answered[req.Number] = h
		switch {
		case h == no:
		case req.Status == http.StatusBadRequest:
			l.refused.add(req.Spans, h == yes && !copies)
		case req.Status == http.StatusOK:
			l.rejected.add(req.Spans-req.Kept, h == yes && !copies)
		}
	}
	for _, span := range spans {
		errs = errors.Join(errs, l.arrive(span, answered[span.Request]))
	}
	return errs
}

func (l *ledger) arrive(span otlpreceiver.Span, h heard) error {
	if span.Attributes[provisionalKey] == true {
		if h != no {
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
		return fmt.Errorf("span %s %q arrived with request %d, and before in one that was answered",
			span.SpanID, span.Name, span.Request)
	}
	f.arrived++
	switch {
	case h == yes && f.perhaps:
		l.perhaps--
		fallthrough
	case h == yes:
		f.told = true
		l.told++
	case h == perhaps && !f.perhaps:
		f.perhaps = true
		l.perhaps++
	}
	return nil
}

// audit compares the SDK's account with the ledger. Nothing may be under way.
func (l *ledger) audit() (errs error) {
	s := l.tel.Stats()
	l.mu.Lock()
	defer l.mu.Unlock()
	exactly := func(n int) known { return known{int64(n), int64(n)} }
	sum := s.Exported + s.Pending + s.Dropped.Total()
	for _, c := range []struct {
		what string
		got  int64
		want known
	}{
		{"Ended is not Exported + Pending + Dropped", s.Ended, known{sum, sum}},
		{"Ended is not what has ended", s.Ended, exactly(l.ended)},
		{"Exported is not what arrived and was answered", s.Exported, known{int64(l.told), int64(l.told + l.perhaps)}},
		{"Rejected is not what the collector rejected", s.Dropped.Rejected, l.rejected},
		{"Refused is not what the collector refused", s.Dropped.Refused, l.refused},
		{"TooLarge is not what is too large", s.Dropped.TooLarge, exactly(0)},
	} {
		if c.got < c.want.certain || c.got > c.want.possible {
			errs = errors.Join(errs, fmt.Errorf("%s: %d, %+v; %+v", c.what, c.got, c.want, s))
		}
	}
	return errs
}

// counts returns how many spans have ended, and how many of them after the process.
func (l *ledger) counts() (ended, late int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended, l.late
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
