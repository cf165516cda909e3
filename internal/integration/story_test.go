package integration

import (
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// story is a log with what the scenario permits.
type story struct {
	events []eventlog.Event
	exact  bool // time is virtual: what happens at once has the same time
	permit permit

	requests []export // what exports has found
}

// permit is what design.md excepts from the rules.
type permit struct {
	early    map[string]bool // request ids that may be exported before their outcome is posted
	timeouts map[string]bool // request ids that may time out
	beside   bool            // exports belong to no invocation: the handler is not wrapped, or a timer flushes
	twice    bool            // the receiver kept spans and could not say so
	lost     int             // spans that nobody could have delivered
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
func (s *story) exports() []export {
	if s.requests == nil {
		s.requests = s.findExports()
	}
	return s.requests
}

func (s *story) findExports() []export {
	all := []export{} // not nil: found
	for _, e := range s.events {
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

// invocation is what the log has of one, by the kind's first appearance.
type invocation struct {
	id                                         string
	process                                    int
	released, posted, answered, done, timedOut *eventlog.Event
}

// invocations are those that were released, in order.
func (s *story) invocations() []*invocation {
	var all []*invocation
	byID := make(map[string]*invocation)
	process := 0
	for i := range s.events {
		e := &s.events[i]
		if e.Kind == lambdatest.KindProcessStart {
			process = e.Count
		}
		inv := byID[e.RequestID]
		if inv == nil {
			if e.Kind != lambdatest.KindInvocationReleased && e.Kind != lambdatest.KindInvokeReleased {
				continue
			}
			inv = &invocation{id: e.RequestID, process: process}
			byID[e.RequestID] = inv
			all = append(all, inv)
		}
		inv.note(e)
	}
	return all
}

func (inv *invocation) note(e *eventlog.Event) {
	field := map[eventlog.Kind]**eventlog.Event{
		lambdatest.KindInvocationReleased: &inv.released,
		lambdatest.KindInvokeReleased:     &inv.released,
		lambdatest.KindResponsePosted:     &inv.posted,
		lambdatest.KindErrorPosted:        &inv.posted,
		lambdatest.KindResponseRefused:    &inv.posted,
		lambdatest.KindCallerAnswered:     &inv.answered,
		lambdatest.KindPhaseDone:          &inv.done,
		lambdatest.KindTimeout:            &inv.timedOut,
	}[e.Kind]
	if field != nil && *field == nil {
		*field = e
	}
}

// next returns the first event after seq for which match is true, nil if there is none.
func (s *story) next(seq int, match func(eventlog.Event) bool) *eventlog.Event {
	for i := range s.events {
		if e := &s.events[i]; e.Seq > seq && match(*e) {
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

// said returns the lines that the function printed which contain text.
func (s *story) said(text string) []string {
	var lines []string
	for _, e := range s.events {
		if e.Kind == kindSaid && strings.Contains(e.Detail, text) {
			lines = append(lines, e.Detail)
		}
	}
	return lines
}

// endedSpans are the ids of the spans that ended in the function, by its own account.
func (s *story) endedSpans() map[string]bool {
	ids := make(map[string]bool)
	for _, line := range s.said(spanEnded) {
		ids[strings.TrimPrefix(line, spanEnded)] = true
	}
	return ids
}

// since is the time from a to b.
func since(a, b *eventlog.Event) time.Duration { return b.At.Sub(a.At) }
