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

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// observed has the observations of one emulated process, independent of its SDK: a span processor saw its spans start
// and end, and the receiver got them. The processor writes to it on the goroutines of the process, and everything else on
// that of the test.
type observed struct {
	*harness.Function
	number int // of the process, from 1

	mu      sync.Mutex
	started int
	ended   int
	late    int // of ended, those that ended after the process: a real one could not have ended them
	spans   map[trace.SpanID]*spanState

	delivered int    // spans in requests whose answers the process has received
	perhaps   int    // others in requests whose answers it may have received
	rejected  bounds // spans that answers have rejected in part
	refused   bounds // spans of requests that were refused for good
}

// bounds enclose a number that is not known exactly.
type bounds struct{ least, most int64 }

func (b *bounds) add(n int, certain bool) {
	b.most += int64(n)
	if certain {
		b.least += int64(n)
	}
}

// answer says whether a process has received the answer to a request.
type answer int

const (
	received      answer = iota
	notReceived          // there was none, or it came when the process had given up
	maybeReceived        // it came when the process was frozen
)

// spanState is what became of a span that has ended.
type spanState struct {
	late      bool // it ended after its process
	arrived   int
	delivered bool // in a request whose answer was received, so that it must not come again
	perhaps   bool // in one whose answer may have been received
}

// OnStart implements sdktrace.SpanProcessor.
func (o *observed) OnStart(context.Context, sdktrace.ReadWriteSpan) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.started++
}

// OnEnd implements sdktrace.SpanProcessor.
func (o *observed) OnEnd(s sdktrace.ReadOnlySpan) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended++
	late := !o.alive()
	if late {
		o.late++
	}
	o.spans[s.SpanContext().SpanID()] = &spanState{late: late}
}

// Shutdown implements sdktrace.SpanProcessor.
func (*observed) Shutdown(context.Context) error { return nil }

// ForceFlush implements sdktrace.SpanProcessor.
func (*observed) ForceFlush(context.Context) error { return nil }

// alive reports whether the process has not ended.
func (o *observed) alive() bool {
	select {
	case <-o.Ended:
		return false
	default:
		return true
	}
}

// receive adds the spans and requests that have arrived since the last time, all of them from this process.
func (o *observed) receive(
	spans []harness.Span, requests []otlpreceiver.Request, answerTo func(otlpreceiver.Request) answer,
) (errs error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	answers := make(map[int]answer)
	for _, req := range requests {
		a := answerTo(req)
		answers[req.Number] = a
		switch {
		case a == notReceived:
		case req.Status == http.StatusBadRequest:
			o.refused.add(req.Spans, a == received)
		case req.Status == http.StatusOK:
			o.rejected.add(req.Spans-req.Kept, a == received)
		}
	}
	for _, span := range spans {
		errs = errors.Join(errs, o.receiveSpan(span, answers[span.Request]))
	}
	return errs
}

func (o *observed) receiveSpan(span harness.Span, a answer) error {
	var id trace.SpanID
	if _, err := hex.Decode(id[:], []byte(span.SpanID)); err != nil {
		return err
	}
	s := o.spans[id]
	switch {
	case s == nil:
		return fmt.Errorf("span %s %q arrived and has never ended in this process", span.SpanID, span.Name)
	case s.delivered:
		return fmt.Errorf("span %s %q arrived with request %d, and before in one that was answered",
			span.SpanID, span.Name, span.Request)
	}
	s.arrived++
	if a == received {
		if s.perhaps {
			o.perhaps--
		}
		s.delivered = true
		o.delivered++
	} else if a == maybeReceived && !s.perhaps {
		s.perhaps = true
		o.perhaps++
	}
	return nil
}

// compare compares the SDK's counts with the observations. Nothing may be under way.
func (o *observed) compare() (errs error) {
	s := o.SDK.Stats()
	o.mu.Lock()
	defer o.mu.Unlock()
	exactly := func(n int) bounds { return bounds{int64(n), int64(n)} }
	for _, c := range []struct {
		what string
		got  int64
		want bounds
	}{
		{"the sum of all other counts", s.Exported + s.Pending + s.Dropped.Total() + s.Spilled, bounds{s.Ended, s.Ended}},
		{"Ended", s.Ended, exactly(o.ended)},
		{"Exported", s.Exported, bounds{int64(o.delivered), int64(o.delivered + o.perhaps)}},
		{"Rejected", s.Dropped.Rejected, o.rejected},
		{"Refused", s.Dropped.Refused, o.refused},
		{"TooLarge", s.Dropped.TooLarge, exactly(0)},
	} {
		if c.got < c.want.least || c.got > c.want.most {
			errs = errors.Join(errs, fmt.Errorf("%s is %d; observed were %+v; %+v", c.what, c.got, c.want, s))
		}
	}
	return errs
}

// endedSpans returns how many spans have ended, and how many of them after the process.
func (o *observed) endedSpans() (ended, late int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ended, o.late
}

// missing counts the spans that ended while the process lived and never arrived, and those that never ended.
func (o *observed) missing() (lost, open int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.spans {
		if s.arrived == 0 && !s.late {
			lost++
		}
	}
	return lost, o.started - o.ended
}
