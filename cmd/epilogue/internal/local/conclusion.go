package local

import (
	"errors"
	"fmt"
	"strings"

	"github.com/epilogue-go/epilogue/internal/report"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// Conclusion is the input of the report's last part.
type Conclusion struct {
	Traces   bool                      // show them
	Services map[string]report.Service // the services that the function calls
	Expected map[string][]string       // by request id, the names of the spans that the function ends in the invocation
}

// Conclude prints the traces and the counts. Its error lists lost telemetry and unplanned ends.
func (s *Lambda) Conclude(c Conclusion) error {
	events := s.log.Events()
	in := report.Input{
		Function: s.function, Invocations: lambdatest.Invocations(events),
		Counts: s.counts(traces), Services: c.Services, Expected: c.Expected, Elsewhere: s.receiver == nil,
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
	s.writeSignals()
	if s.broken != nil {
		return s.broken
	}
	if len(s.problems) > 0 {
		return errors.New(strings.Join(s.problems, "; "))
	}
	return nil
}

// writeSignals prints the counts of metrics and logs.
func (s *Lambda) writeSignals() {
	for _, signal := range []report.Signal{s.signal(metrics, "data point"), s.signal(logs, "log record")} {
		s.write(signal.Line(s.style))
		if n := signal.Undelivered(); n > 0 {
			s.problemf("%s not delivered", report.Plural(n, signal.Item))
		}
	}
	s.stdout.Flush()
	s.write(s.written.Lines(s.style))
}

// signal adds up the counts of the function's processes.
func (s *Lambda) signal(name, item string) report.Signal {
	sum := report.Signal{Item: item}
	if s.receiver != nil {
		sum.Received, sum.Requests = s.receiver.received(otlpreceiver.Signal(name))
	}
	for _, c := range s.counts(name) {
		sum.Counted = true
		sum.Ended += c.Ended
		sum.Exported += c.Exported
		sum.Pending += c.Pending
		sum.Dropped += c.Dropped
		sum.Superseded += c.Superseded
	}
	return sum
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
