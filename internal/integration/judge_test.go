package integration

import (
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// judge compares the log with the invariants and with what the scenario expects.
func (r *run) judge() {
	r.Helper()
	s := r.story()
	for name, holds := range invariant.Rules {
		if err := holds(s); err != nil {
			r.Errorf("%s: %v", name, err)
		}
	}
	if err := invariant.SpansAreDelivered(s, r.receiver.Spans()); err != nil {
		r.Error(err)
	}
	r.compareExits(s)
	r.compareSpans(s)
	r.compareInits(s)
	for _, text := range r.scenario.says {
		if len(s.Said(text)) == 0 {
			r.Errorf("nobody said %q", text)
		}
	}
	if len(s.Said("DATA RACE")) > 0 {
		r.Error("the function has a data race")
	}
	if r.exact {
		r.compareTimes(s)
	}
}

// compareExits compares how processes ended.
func (r *run) compareExits(s *invariant.Story) {
	r.Helper()
	var exits []int
	for _, e := range s.Events {
		if e.Kind == lambdatest.KindProcessExit {
			exits = append(exits, e.Count)
		}
	}
	if diff := cmp.Diff(r.exits, exits); diff != "" {
		r.Errorf("exit codes (-want +got)\n%s", diff)
	}
}

// compareSpans compares how many spans ended, and how many arrived with status Error.
func (r *run) compareSpans(s *invariant.Story) {
	r.Helper()
	spans, flagged := 0, 0
	for _, m := range r.calls {
		spans, flagged = spans+m.spans, flagged+m.flagged
	}
	inits := s.Said(invariant.InitEnded)
	if got := len(s.EndedSpans()) - len(inits); got != spans {
		r.Errorf("%d spans ended beside those of the initialisation; want %d", got, spans)
	}
	if want := r.wantedInits(s); len(inits) != want {
		r.Errorf("%d spans of an initialisation ended; want %d, one a process with spans of invocations", len(inits), want)
	}
	arrived := make(map[string]bool)
	for _, span := range r.receiver.Spans() {
		if span.Status == "error" && !invariant.IsCopy(span) {
			arrived[span.SpanID] = true
		}
	}
	if r.scenario.permit.lost == 0 && len(arrived) != flagged {
		r.Errorf("%d spans arrived with status Error; want %d", len(arrived), flagged)
	}
}

// compareInits compares the spans of initialisations: children of the first invocation of a process, which lie between the
// process's start and that, and say how the environment was made.
func (r *run) compareInits(s *invariant.Story) {
	r.Helper()
	const granularity = 20 * time.Millisecond // of when a real process began
	cold, kind := true, "on-demand"
	if r.scenario.config.ManagedInstances {
		cold, kind = false, "lambda-managed-instances"
	}
	invocations := make(map[string]otlpreceiver.Span)
	for _, span := range r.receiver.Spans() {
		if span.Attributes["faas.invocation_id"] != nil {
			invocations[span.TraceID+span.SpanID] = span
		}
	}
	for _, span := range r.receiver.Spans() {
		if span.Name != "init" {
			continue
		}
		if span.Attributes["faas.coldstart"] != cold || span.Attributes["epilogue.initialization_type"] != kind {
			r.Errorf("the init span says %v; want %v, %s", span.Attributes, cold, kind)
		}
		first, arrived := invocations[span.TraceID+span.ParentSpanID]
		if !arrived && r.scenario.permit.lost == 0 {
			r.Errorf("the init span's parent %s in trace %s is no invocation that arrived", span.ParentSpanID, span.TraceID)
		}
		if arrived && (span.End.After(first.Start) || first.Attributes["faas.coldstart"] != cold) {
			r.Errorf("the init span ends at %v; its invocation begins at %v with faas.coldstart %v",
				span.End, first.Start, first.Attributes["faas.coldstart"])
		}
		if span.Start.After(span.End) || span.Start.Before(s.Events[0].At.Add(-granularity)) {
			r.Errorf("the init span is from %v to %v; the environment began at %v", span.Start, span.End, s.Events[0].At)
		}
	}
}

// wantedInits is how many processes have traced an invocation.
func (r *run) wantedInits(s *invariant.Story) int {
	if r.scenario.main == "unwrapped" || r.scenario.main == "crowd" {
		return 0
	}
	traced := make(map[int]bool)
	process := 0
	for _, e := range s.Events {
		switch {
		case e.Kind == lambdatest.KindProcessStart:
			process = e.Count
		case e.Kind == invariant.KindSaid && strings.HasPrefix(e.Detail, invariant.SpanEnded):
			traced[process] = true
		}
	}
	return len(traced)
}

// story is the log with what the scenario and its calls permit.
func (r *run) story() *invariant.Story {
	permitted := invariant.Permit{
		Early: make(map[string]bool), Timeouts: make(map[string]bool),
		Beside: r.scenario.permit.beside, Twice: r.scenario.permit.twice, Lost: r.scenario.permit.lost,
	}
	for _, m := range r.calls {
		permitted.Copies += m.copies
		permitted.Early[m.id] = m.early
		permitted.Timeouts[m.id] = m.hangs()
	}
	return &invariant.Story{Events: r.log.Events(), Exact: r.exact, Collector: collectorAddress, Permit: permitted}
}

// compareTimes compares, in virtual time, what each phase took before the post and after it, when it was released, and
// how long its caller waited.
func (r *run) compareTimes(s *invariant.Story) {
	r.Helper()
	calls := make(map[string]*made)
	for _, m := range r.calls {
		calls[m.id] = m
	}
	for _, inv := range s.Invocations() {
		if m := calls[inv.ID]; inv.Answered != nil && m.wait != inv.Answered.At.Sub(m.began) {
			r.Errorf("%s, %s: its caller waited for %s; want %s", m.id, m.name, m.wait, inv.Answered.At.Sub(m.began))
		}
	}
	var free time.Time // when the environment became free
	for _, report := range lambdatest.Invocations(s.Events) {
		m := calls[report.RequestID]
		want := r.scenario.ordered(m.call)
		if want.jitter && report.AfterResponse <= want.after {
			want.after = report.AfterResponse
		}
		if report.Handler != want.handler || report.AfterResponse != want.after {
			r.Errorf("%s, %s: the post came after %s, the end another %s later; want %s, %s",
				m.id, m.name, report.Handler, report.AfterResponse, want.handler, want.after)
		}
		due := m.began
		if free.After(due) && !r.scenario.config.ManagedInstances {
			due = free
		}
		if late := report.Released.Sub(due); late != 0 {
			r.Errorf("%s, %s: released %s later than it could", m.id, m.name, late)
		}
		free = report.Ended
	}
}
