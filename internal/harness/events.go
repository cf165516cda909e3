package harness

import (
	"slices"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// Events are a log with the exceptions that its rules allow.
type Events struct {
	All     []eventlog.Event
	Virtual bool   // time is virtual: immediate events have the same time
	Backend string // its address in memory, to find a frozen process's attempts to reach it
	Allow   Allow

	exports []export // found so far
}

// Allow lists what the design excepts from the rules.
type Allow struct {
	Early      map[string]bool // request ids whose spans may be exported before their outcome is posted
	Timeouts   map[string]bool // request ids that may time out
	Background bool            // exports belong to no invocation: the handler is not wrapped, or a timer flushes
	Pauses     bool            // something else may hold an invocation: an extension, a pause between two attempts
	Twice      bool            // the backend kept items and could not say so

	Lost             int // spans that could not have been delivered
	LostRecords      int // log records
	LostMeasurements int // measurements that no data point that has arrived includes
}

// export is one request to the backend. A zero end means that it was under way when the log ended.
type export struct {
	number       string
	begun, ended eventlog.Event
}

// openAt reports whether the export was under way at seq. One that its client gives up does not count, since the
// receiver learns of that late.
func (x export) openAt(seq int) bool {
	abandoned := strings.HasSuffix(x.ended.Detail, "client gave up") || strings.HasSuffix(x.ended.Detail, "connection cut")
	return x.begun.Seq < seq && (x.ended.Kind == "" || x.ended.Seq > seq) && !abandoned
}

// requests returns the exports in the order in which they began.
func (ev *Events) requests() []export {
	if ev.exports == nil {
		ev.exports = findExports(ev.All)
	}
	return ev.exports
}

func findExports(events []eventlog.Event) []export {
	all := []export{} // not nil: found
	for _, e := range events {
		number, _, _ := strings.Cut(e.Detail, ":")
		switch e.Kind {
		case otlpreceiver.KindExportBegun:
			all = append(all, export{number: number, begun: e})
		case otlpreceiver.KindExportDone, otlpreceiver.KindExportRefused:
			for i := range all {
				if all[i].number == number {
					all[i].ended = e
				}
			}
		}
	}
	return all
}

// Invocation holds the first event of each kind of one invocation; nil: it did not happen.
type Invocation struct {
	ID                                         string
	Released, Posted, Answered, Done, TimedOut *eventlog.Event
}

// Invocations returns those that were released, in order.
func (ev *Events) Invocations() []*Invocation {
	var all []*Invocation
	byID := make(map[string]*Invocation)
	for i := range ev.All {
		e := &ev.All[i]
		inv := byID[e.RequestID]
		if inv == nil {
			if e.Kind != lambdatest.KindInvocationReleased && e.Kind != lambdatest.KindInvokeReleased {
				continue
			}
			inv = &Invocation{ID: e.RequestID}
			byID[e.RequestID] = inv
			all = append(all, inv)
		}
		inv.add(e)
	}
	return all
}

func (inv *Invocation) add(e *eventlog.Event) {
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

// Next returns the first event after seq for which match is true; nil if there is none.
func (ev *Events) Next(seq int, match func(eventlog.Event) bool) *eventlog.Event {
	for i := range ev.All {
		if e := &ev.All[i]; e.Seq > seq && match(*e) {
			return e
		}
	}
	return nil
}

// Of matches events of the kinds.
func Of(kinds ...eventlog.Kind) func(eventlog.Event) bool {
	return func(e eventlog.Event) bool { return slices.Contains(kinds, e.Kind) }
}

// Line matches lines of the function's standard error that contain text.
func Line(text string) func(eventlog.Event) bool {
	return func(e eventlog.Event) bool { return e.Kind == KindLine && strings.Contains(e.Detail, text) }
}

// Lines returns the lines of the function's standard error that contain text.
func (ev *Events) Lines(text string) []string {
	var lines []string
	for _, e := range ev.All {
		if Line(text)(e) {
			lines = append(lines, e.Detail)
		}
	}
	return lines
}

// EndedSpans returns the names of the spans that ended in the function, by id, as the recorder saw them.
func (ev *Events) EndedSpans() map[string]string {
	spans := make(map[string]string)
	for _, line := range ev.Lines(spanEnded) {
		if text, ok := strings.CutPrefix(line, spanEnded); ok {
			id, name, _ := strings.Cut(text, " ")
			spans[id] = name
		}
	}
	return spans
}

// ExitCodes returns how the processes ended, in order.
func (ev *Events) ExitCodes() (codes []int) {
	for _, e := range ev.All {
		if e.Kind == lambdatest.KindProcessExit {
			codes = append(codes, e.Count)
		}
	}
	return codes
}

// since is the time from a to b.
func since(a, b *eventlog.Event) time.Duration { return b.At.Sub(a.At) }
