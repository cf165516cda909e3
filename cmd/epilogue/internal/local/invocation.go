package local

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/epilogue-go/epilogue/internal/report"
	"github.com/epilogue-go/epilogue/lambdatest"
)

// printed counts the printed items.
type printed struct{ inits, invocations, ends int }

// Call is one invocation to make, with its plan.
type Call struct {
	Event   Event
	Planned string   // the planned kind of end; empty: success
	Answers string   // the planned answer, if known; then no span may leave before it
	Leaves  []string // the names of the function's spans that it ends, if known
	Note    string   // an explanation for the reader
}

// answer has the facts about an invocation that the environment's report lacks.
type answer struct {
	Call
	resp   lambdatest.Response
	number int    // 0 before it has been printed
	kind   string // empty before it has been printed
}

// Invoke sends one event, waits until the environment is frozen or has been reset, and prints the invocation.
func (s *Lambda) Invoke(ctx context.Context, c Call) error {
	if err := s.Send(ctx, c); err != nil {
		return err
	}
	return s.Wait(ctx)
}

// Wait waits until the environment is idle, and prints the events since the last print.
func (s *Lambda) Wait(ctx context.Context) error {
	if err := s.env.WaitIdle(ctx); err != nil {
		return err
	}
	s.print()
	return s.broken
}

// Send sends one event and keeps the answer for print.
func (s *Lambda) Send(ctx context.Context, c Call) error {
	resp, err := s.env.Invoke(ctx, lambdatest.Invocation{Payload: c.Event.Payload})
	if err != nil {
		return err
	}
	if resp.FunctionError != "" && !s.released(resp.RequestID) {
		s.problemf("the function failed before it could be invoked: %s", failureOf(resp))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[resp.RequestID] = answer{Call: c, resp: resp}
	return nil
}

// released reports whether an invocation has reached the function; it has not if Init failed.
func (s *Lambda) released(requestID string) bool {
	return slices.ContainsFunc(lambdatest.Invocations(s.log.Events()), func(r lambdatest.InvocationReport) bool {
		return r.RequestID == requestID
	})
}

// print prints the events since the last print: starts of processes, invocations, ends of processes.
func (s *Lambda) print() {
	events, receipts, counts := s.log.Events(), s.receipts(), s.counts(traces)
	inits := report.Inits(events)
	for _, begin := range inits[s.printed.inits:] {
		s.write(begin.Line(s.style))
	}
	invocations := lambdatest.Invocations(events)
	for i := s.printed.invocations; i < len(invocations); i++ {
		s.write(s.describe(i+1, invocations[i], receipts).Line(s.style))
	}
	ends := report.Shutdowns(events, receipts)
	for _, end := range ends[s.printed.ends:] {
		end.Kept, end.Unseen = counts[end.Process].Pending, s.receiver == nil
		s.write(end.Line(s.style))
		s.recordEnd(end, invocations)
	}
	s.printed = printed{len(inits), len(invocations), len(ends)}
}

// describe joins the facts about one invocation, and records unplanned results.
func (s *Lambda) describe(number int, r lambdatest.InvocationReport, receipts []report.Receipt) report.Invocation {
	if s.unseen != "" {
		receipts = nil
	}
	v := report.Describe(number, r, receipts)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.answers[r.RequestID]
	a.number, a.kind = number, v.Kind
	s.answers[r.RequestID] = a
	v.Request, v.Answer, v.Flush = a.Event.Title, report.Answer(a.resp), s.unseen
	v.Planned = a.Planned != "" && v.Kind == a.Planned
	s.judge(a, v)
	v.Notes = append(v.Notes, remarks(a, v, r)...)
	return v
}

// judge records unplanned results.
func (s *Lambda) judge(a answer, v report.Invocation) {
	switch {
	case a.Planned == "" && v.Failed:
		s.problemf("invocation %d failed: %s", v.Number, failureOf(a.resp))
	case a.Planned != "" && v.Kind != a.Planned:
		s.problemf("invocation %d was to end as a %s, and ended as: %s", v.Number, a.Planned, v.Kind)
	case a.Answers != "" && v.Answer != a.Answers:
		s.problemf("invocation %d was to be answered with %s, and was with %s", v.Number, a.Answers, v.Answer)
	case a.Answers != "" && v.Early:
		s.problemf("spans of invocation %d left before its response", v.Number)
	}
}

// recordEnd records the end of a process that ended by itself, unless a failed invocation or a failed Init shows it.
func (s *Lambda) recordEnd(end report.Shutdown, invocations []lambdatest.InvocationReport) {
	last := 0
	for i, r := range invocations {
		if r.Process == end.Process {
			last = i + 1
		}
	}
	if end.Cause != report.CauseItself || last == 0 || invocations[last-1].ErrorType != "" {
		return
	}
	how := fmt.Sprintf("exit code %d", end.Code)
	if end.Signal != "" {
		how = fmt.Sprintf("signal %q", end.Signal)
	}
	s.problemf("the process ended by itself after it had answered invocation %d: %s", last, how)
}

// remarks describes in sentences what the figures of an invocation do not show.
func remarks(a answer, v report.Invocation, r lambdatest.InvocationReport) []string {
	var notes []string
	if a.Note != "" {
		notes = append(notes, a.Note)
	}
	if a.Planned == "" && v.Failed {
		notes = append(notes, failureOf(a.resp))
	}
	if a.Planned == "" && v.Early && v.Posted > 0 {
		notes = append(notes, "spans left before the response had been posted")
	}
	if v.Refusals > 0 {
		note := "the receiver refused " + report.Plural(v.Refusals, "request")
		if !r.Exited {
			note += "; the telemetry stays in the function for the next flush"
		}
		notes = append(notes, note)
	}
	return notes
}

// failureOf returns the type of an error and the first line of its message, without the request ID of the platform's errors.
func failureOf(resp lambdatest.Response) string {
	message := strings.TrimPrefix(resp.ErrorMessage, "RequestId: "+resp.RequestID+" Error: ")
	first, _, _ := strings.Cut(message, "\n")
	return resp.ErrorType + ": " + first
}

// initSpan is the name of handler.Wrap's span of the initialization. A process's first invocation ends it.
const initSpan = "init"

// Expected returns, by request id, the names of the function's spans that the invocations end, if known.
func (s *Lambda) Expected() map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	expected := map[string][]string{}
	for id, a := range s.answers {
		switch {
		case len(a.Leaves) > 0 && a.resp.Cold:
			expected[id] = append([]string{initSpan}, a.Leaves...)
		case len(a.Leaves) > 0:
			expected[id] = a.Leaves
		}
	}
	return expected
}
