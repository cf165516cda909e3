package invariant

import (
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// Story is a log with what is permitted in it.
type Story struct {
	Events    []eventlog.Event
	Exact     bool   // time is virtual: what happens at once has the same time
	Collector string // its address in memory, where a frozen process's attempts to reach it are in the log
	Permit    Permit

	requests []export // what exports has found
}

// Permit is what the design excepts from the rules.
type Permit struct {
	Early    map[string]bool // request ids that may be exported before their outcome is posted
	Timeouts map[string]bool // request ids that may time out
	Beside   bool            // exports belong to no invocation: the handler is not wrapped, or a timer flushes
	Twice    bool            // the receiver kept spans and could not say so
	Lost     int             // spans that nobody could have delivered
	Copies   int             // copies of spans that were open shortly before a deadline; the spans themselves may follow
}

// export is one request at the receiver. A zero end means that it was under way when the log ended.
type export struct {
	number     string
	begun, end eventlog.Event
}

// openAt reports whether the export was under way at seq, and would not be given up: of one that the client gives up
// the receiver learns late.
func (x export) openAt(seq int) bool {
	return x.begun.Seq < seq && (x.end.Kind == "" || x.end.Seq > seq) && !x.abandoned()
}

// abandoned reports whether the client did not wait for the answer.
func (x export) abandoned() bool {
	return strings.HasSuffix(x.end.Detail, "client gave up") || strings.HasSuffix(x.end.Detail, "connection cut")
}

// exports are the requests in the log, in the order in which they began.
func (s *Story) exports() []export {
	if s.requests == nil {
		s.requests = s.findExports()
	}
	return s.requests
}

func (s *Story) findExports() []export {
	all := []export{} // not nil: found
	for _, e := range s.Events {
		number, _, _ := strings.Cut(e.Detail, ":")
		switch e.Kind {
		case otlpreceiver.KindExportBegun:
			all = append(all, export{number: number, begun: e})
		case otlpreceiver.KindExportDone, otlpreceiver.KindExportRefused:
			for i := range all {
				if all[i].number == number {
					all[i].end = e
				}
			}
		}
	}
	return all
}

// Invocation is what the log has of one, by the kind's first appearance.
type Invocation struct {
	ID      string
	Process int // that served it, from 1

	Released, Posted, Answered, Done, TimedOut *eventlog.Event // nil: did not happen
}

// Invocations are those that were released, in order.
func (s *Story) Invocations() []*Invocation {
	var all []*Invocation
	byID := make(map[string]*Invocation)
	process := 0
	for i := range s.Events {
		e := &s.Events[i]
		if e.Kind == lambdatest.KindProcessStart {
			process = e.Count
		}
		inv := byID[e.RequestID]
		if inv == nil {
			if e.Kind != lambdatest.KindInvocationReleased && e.Kind != lambdatest.KindInvokeReleased {
				continue
			}
			inv = &Invocation{ID: e.RequestID, Process: process}
			byID[e.RequestID] = inv
			all = append(all, inv)
		}
		inv.note(e)
	}
	return all
}

func (inv *Invocation) note(e *eventlog.Event) {
	field := map[eventlog.Kind]**eventlog.Event{
		lambdatest.KindInvocationReleased: &inv.Released,
		lambdatest.KindInvokeReleased:     &inv.Released,
		lambdatest.KindResponsePosted:     &inv.Posted,
		lambdatest.KindErrorPosted:        &inv.Posted,
		lambdatest.KindResponseRefused:    &inv.Posted,
		lambdatest.KindCallerAnswered:     &inv.Answered,
		lambdatest.KindPhaseDone:          &inv.Done,
		lambdatest.KindTimeout:            &inv.TimedOut,
	}[e.Kind]
	if field != nil && *field == nil {
		*field = e
	}
}

// next returns the first event after seq for which match is true, nil if there is none.
func (s *Story) next(seq int, match func(eventlog.Event) bool) *eventlog.Event {
	for i := range s.Events {
		if e := &s.Events[i]; e.Seq > seq && match(*e) {
			return e
		}
	}
	return nil
}

// is matches events of some kinds.
func is(kinds ...eventlog.Kind) func(eventlog.Event) bool {
	return func(e eventlog.Event) bool {
		for _, k := range kinds {
			if e.Kind == k {
				return true
			}
		}
		return false
	}
}

// Said returns the lines that the function printed which contain text.
func (s *Story) Said(text string) []string {
	var lines []string
	for _, e := range s.Events {
		if e.Kind == KindSaid && strings.Contains(e.Detail, text) {
			lines = append(lines, e.Detail)
		}
	}
	return lines
}

// EndedSpans are the ids of the spans that ended in the function, by its own account.
func (s *Story) EndedSpans() map[string]bool {
	ids := make(map[string]bool)
	for _, line := range s.Said(SpanEnded) {
		ids[strings.TrimPrefix(line, SpanEnded)] = true
	}
	return ids
}

// since is the time from a to b.
func since(a, b *eventlog.Event) time.Duration { return b.At.Sub(a.At) }
