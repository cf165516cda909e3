package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/epilogue-go/epilogue/internal/report"
	"github.com/epilogue-go/epilogue/lambdatest"
)

// conclusion is what a command adds to the end of the report.
type conclusion struct {
	traces   bool                      // show them
	services map[string]report.Service // the services beside the function
	expected map[string][]string       // by request id, the names of the spans that an invocation must leave
}

// conclude prints the traces and the account. Its error says what was lost or did not go as planned.
func (s *stage) conclude(c conclusion) error {
	events := s.log.Events()
	ledger := report.Ledger{
		Function: s.function, Invocations: lambdatest.Invocations(events),
		Counts: s.counts(), Services: c.services, Expected: c.expected, Elsewhere: s.receiver == nil,
	}
	if s.receiver != nil {
		ledger.Spans = s.receiver.spans()
	}
	if c.traces {
		s.writeTraces(ledger.Spans)
	}
	account := ledger.Account()
	s.write("\n" + account.Table(s.style))
	if lost := account.Lost(); lost > 0 {
		s.problemf("%s did not arrive", report.Plural(lost, "span"))
	}
	if s.broken != nil {
		return s.broken
	}
	if len(s.problems) > 0 {
		return errors.New(strings.Join(s.problems, "; "))
	}
	return nil
}

func (s *stage) writeTraces(received []report.Span) {
	for _, t := range report.Traces(received) {
		s.write("\n" + t.Tree(s.style, s.titleOf(t)))
	}
}

// titleOf says which invocation a trace belongs to.
func (s *stage) titleOf(t report.Trace) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range t.Invocations() {
		if a, ok := s.answers[id]; ok {
			return fmt.Sprintf("invocation %d, %s", a.number, a.kind)
		}
	}
	return ""
}

// counts returns the counts of the function's processes that had a shutdown, by their numbers.
func (s *stage) counts() map[int]report.Counts {
	all := map[int]report.Counts{}
	for process := 1; process <= s.process(); process++ {
		if c, ok := readCounts(s.reportPath(process)); ok {
			all[process] = c
		}
	}
	return all
}
