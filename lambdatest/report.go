package lambdatest

import (
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// InvocationReport describes one invocation, from the log. A zero time means that the event did not happen.
type InvocationReport struct {
	RequestID string
	Process   int           // the number of the process that served it, from 1
	Cold      bool          // the first of its process
	Init      time.Duration // zero unless Cold
	Thawed    time.Duration // how long the environment had been frozen before

	Released time.Time // the first half (invocation or INVOKE) went out: the phase, and the billing, begin
	Begun    time.Time // the first bytes of the response arrived
	Posted   time.Time // the response or error was accepted or refused
	Answered time.Time // the caller had an answer
	Next     time.Time // the last extension of the phase asked for the next event
	Ended    time.Time // the phase was done, or the process ended
	Frozen   time.Time

	ErrorType string // of the caller's response; empty for a success
	Refused   int    // the status with which the last response or error was refused, such as 413; 0: it was accepted
	TimedOut  bool
	Exited    bool // the process ended in the phase

	Billed        time.Duration // Released to Ended, or to the deadline if that passed first
	Handler       time.Duration // Released to Posted, or all of Billed if nothing was posted
	AfterResponse time.Duration // the rest of Billed
}

// Invocations returns a report for each invocation that was released, in the order of their release. Events of other
// writers in the same log are ignored.
func Invocations(events []eventlog.Event) []InvocationReport {
	var r reporter
	for _, e := range events {
		r.add(e)
	}
	for i := range r.reports {
		r.reports[i].bill()
	}
	return r.reports
}

// reporter builds reports from events in order.
type reporter struct {
	reports []InvocationReport
	process int
	init    time.Duration // of the process, until its first invocation
	isNew   bool
	thawed  time.Duration
	current map[string]int // by request id, invocations whose phase is not done, also of processes that have ended
}

func (r *reporter) add(e eventlog.Event) {
	switch e.Kind {
	case KindInitStart:
		r.process, r.isNew, r.init, r.thawed = e.Count, true, 0, 0
	case KindInitDone:
		r.init = e.Duration
	case KindThaw:
		r.thawed = e.Duration
	case KindInvocationReleased, KindInvokeReleased:
		r.open(e)
	case KindProcessExit:
		for _, i := range r.current { // they stay current, because their callers may get the answer later
			if !r.reports[i].Exited {
				r.reports[i].Exited, r.reports[i].Ended = true, e.At
			}
		}
	case KindFreeze:
		if n := len(r.reports); n > 0 && r.reports[n-1].Frozen.IsZero() {
			r.reports[n-1].Frozen = e.At
		}
	default:
		if i, open := r.current[e.RequestID]; open {
			r.reports[i].add(e)
			if e.Kind == KindPhaseDone {
				delete(r.current, e.RequestID)
			}
		}
	}
}

// open begins the report of e's invocation, if e is its first half.
func (r *reporter) open(e eventlog.Event) {
	if i, known := r.current[e.RequestID]; known && !r.reports[i].Exited || e.RequestID == "" {
		return
	}
	if r.current == nil {
		r.current = make(map[string]int)
	}
	r.current[e.RequestID] = len(r.reports)
	r.reports = append(r.reports, InvocationReport{
		RequestID: e.RequestID, Process: r.process, Cold: r.isNew, Init: r.init, Thawed: r.thawed, Released: e.At,
	})
	r.isNew, r.init, r.thawed = false, 0, 0
}

// add records an event between the release and the end of the phase.
func (i *InvocationReport) add(e eventlog.Event) {
	switch e.Kind {
	case KindResponseBegun:
		i.Begun = e.At
	case KindResponsePosted, KindErrorPosted, KindResponseRefused:
		if i.Posted.IsZero() {
			i.Posted = e.At
		}
		i.Refused = 0
		if e.Kind == KindResponseRefused {
			i.Refused = e.Count
		}
	case KindCallerAnswered:
		i.Answered, i.ErrorType = e.At, e.Detail
	case KindExtensionNext:
		i.Next = e.At
	case KindPhaseDone:
		i.Ended = e.At
	case KindTimeout:
		i.TimedOut, i.Billed = true, e.At.Sub(i.Released)
	}
}

func (i *InvocationReport) bill() {
	switch {
	case i.TimedOut: // the later end of its process is the service's
	case i.Ended.IsZero():
		return
	default:
		i.Billed = i.Ended.Sub(i.Released)
	}
	i.Handler = i.Billed
	if !i.Posted.IsZero() {
		i.Handler = min(i.Billed, i.Posted.Sub(i.Released))
	}
	i.AfterResponse = i.Billed - i.Handler
}
