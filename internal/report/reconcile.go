package report

import (
	"github.com/epilogue-go/epilogue/lambdatest"
)

// Counts are the counts of one signal that a process reports when it ends:
// Ended = Exported + Pending + Dropped + Superseded.
type Counts struct{ Ended, Exported, Pending, Dropped, Superseded int }

// Input is everything that [Reconcile] compares.
type Input struct {
	Function    string                        // the function's name in the table
	Invocations []lambdatest.InvocationReport // of the environment; they assign each trace to a process
	Spans       []Span                        // as received, copies included
	Counts      map[int]Counts                // of the function's processes, by number; one that gave none is absent
	Services    map[string]Service            // the services that the function calls, by service name
	Expected    map[string][]string           // by request id, if known: the names of the spans that the function ends in the invocation
	Payloads    [][]byte                      // the events of the invocations; they can name spans of the caller
	Elsewhere   bool                          // the telemetry went to another receiver: the processes' own counts say how many spans were delivered
}

// Service describes a service that the function calls.
type Service struct {
	Counts  Counts
	Counted bool // the service gave Counts
	Leaves  int  // spans that it must have ended; 0 if unknown
}

// The sources of Process.Ended.
const (
	byItself = "its own count at its end"
	byTraces = "no count; by parent spans"
	tooFew   = "its count is too low; by parent spans"
	byShape  = "no count; by expected spans"
)

// Reconcile compares ended spans with received spans: one [Process] for each process of the function, then one for each
// other service.
//
// A process that ends in a shutdown reports its counts. A process that ends itself, for example after a panic, reports
// none. Reconcile then compares the received spans with the parents that they name and with Input.Expected.
//
// If the resource of a span leads to no invocation, the function's processes cannot be told apart and share one Process.
func Reconcile(in Input) Stats {
	r := &reconciler{Input: in, lines: map[string]*Process{}, owners: map[owner]string{}}
	r.findOwners()
	r.deliver()
	for name, n := range r.absentParents() {
		r.line(name).Missing = n
	}
	for name, n := range r.absentByShape() {
		r.line(name).Missing, r.line(name).How = n, byShape
	}
	r.count()
	return r.stats()
}
