package local

import (
	"errors"
	"fmt"
	"strings"

	"github.com/epilogue-go/epilogue/internal/report"
	"github.com/epilogue-go/epilogue/lambdatest"
)

// Conclusion is the input of the report's last part.
type Conclusion struct {
	Traces   bool                      // show them
	Services map[string]report.Service // the services that the function calls
	Expected map[string][]string       // by request id, the names of the spans that the function ends in the invocation
}

// Conclude prints the traces and the span counts. Its error lists lost spans and unplanned ends.
func (s *Lambda) Conclude(c Conclusion) error {
	events := s.log.Events()
	in := report.Input{
		Function: s.function, Invocations: lambdatest.Invocations(events),
		Counts: s.counts(), Services: c.Services, Expected: c.Expected, Elsewhere: s.receiver == nil,
	}
	if s.receiver != nil {
		in.Spans = s.receiver.spans()
	}
	s.mu.Lock()
	for _, a := range s.answers {
		in.Payloads = append(in.Payloads, a.Event.Payload)
	}
	s.mu.Unlock()
	if c.Traces {
		s.writeTraces(in.Spans)
	}
	stats := report.Reconcile(in)
	s.write("\n" + stats.Table(s.style))
	if lost := stats.Lost(); lost > 0 {
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

func (s *Lambda) writeTraces(received []report.Span) {
	for _, t := range report.Traces(received) {
		s.write("\n" + t.Tree(s.style, s.titleOf(t)))
	}
}

// titleOf names the invocation of a trace.
func (s *Lambda) titleOf(t report.Trace) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range t.Invocations() {
		if a, ok := s.answers[id]; ok {
			return fmt.Sprintf("invocation %d, %s", a.number, a.kind)
		}
	}
	return ""
}
