package report

import (
	"github.com/epilogue-go/epilogue/lambdatest"
)

// Counts is the account that a process gives of its own spans when it ends: Ended = Exported + Pending + Dropped.
type Counts struct{ Ended, Exported, Pending, Dropped int }

// Ledger is everything from which it can be told what became of each span.
type Ledger struct {
	Function    string                        // what the function is called in the account
	Invocations []lambdatest.InvocationReport // of the environment; they tell which process a trace belongs to
	Spans       []Span                        // as received, copies included
	Counts      map[int]Counts                // of the function's processes, by number; one that gave none is absent
	Services    map[string]Service            // the services beside the function, by service name
	Expected    map[string][]string           // by request id: the names of the function's spans that the invocation must leave, where known
	Elsewhere   bool                          // the telemetry went to another receiver: what counts as delivered is what processes say
}

// Service is what is known of a service beside the function.
type Service struct {
	Counts  Counts
	Counted bool // the service gave Counts
	Leaves  int  // spans that it must have ended, as far as is known
}

// How it is known what a process ended.
const (
	byItself = "its own count at its end"
	byTraces = "no count; what its spans name as parent"
	byShape  = "no count; what its requests must leave"
)

// Account settles the ledger: a line for each process of the function, then one for each other service.
//
// A process that was asked to end has counted what it ended. One that ended by itself, as after a panic, leaves no
// count: for it, what arrived is held against what must have existed, which is the spans that others name as their
// parents, and those that an invocation is known to leave.
//
// Where a span's resource does not lead to an invocation, the function's processes cannot be told apart and are one.
func (l Ledger) Account() Account {
	s := &settlement{Ledger: l, lines: map[string]*Process{}, owners: map[owner]string{}}
	s.findOwners()
	s.deliver()
	for name, n := range s.absentParents() {
		s.line(name).Missing = n
	}
	for name, n := range s.absentByShape() {
		s.line(name).Missing, s.line(name).How = n, byShape
	}
	s.count()
	return s.account()
}
