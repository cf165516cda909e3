package harness

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// Events returns the log with what the scenario and its calls allow.
func (r *Run) Events() *Events {
	allow := r.Allow
	allow.Early, allow.Timeouts = make(map[string]bool), make(map[string]bool)
	maps.Copy(allow.Early, r.Allow.Early)
	for _, m := range r.Calls {
		allow.Early[m.ID] = m.Early
		allow.Timeouts[m.ID] = m.TimesOut
	}
	all := r.Log.Events()
	if r.Ignore != nil {
		all = slices.DeleteFunc(all, r.Ignore(all))
	}
	return &Events{All: all, Virtual: r.Virtual, Backend: BackendAddress, Allow: allow}
}

// check compares the log with the rules and with what the scenario expects.
func (r *Run) check() {
	ev := r.Events()
	r.Error(ev.CheckRules())
	if diff := cmp.Diff(r.exits, ev.ExitCodes()); diff != "" {
		r.Errorf("exit codes (-want +got)\n%s", diff)
	}
	for _, text := range r.Logs {
		if len(ev.Lines(text)) == 0 {
			r.Errorf("no line says %q", text)
		}
	}
	for _, text := range ev.Lines(shutdownCompleted) {
		if line, ok := ParseShutdownLine(text); ok && !line.AddsUp() {
			r.Errorf("the counts of the last line do not add up: %s", text)
		}
	}
	if len(ev.Lines("DATA RACE")) > 0 {
		r.Errorf("the function has a data race")
	}
	if !r.Unchecked {
		r.Error(ev.CheckDelivery(r.Spans()))
		if r.Arrived == nil {
			r.Error(ev.CheckRecords(r.Receiver.LogRecords()))
			r.Error(ev.CheckMeasurements(r.Receiver.DataPoints()))
		}
		r.checkSpans(ev)
		r.checkInit(ev)
	}
	if r.Virtual && !r.Unchecked {
		r.checkTimes(ev)
	}
}

// initSpan is the name of the span of an initialization.
const initSpan = "init"

// checkSpans compares how many spans ended, and how many arrived with status Error.
func (r *Run) checkSpans(ev *Events) {
	spans, failed := 0, 0
	for _, m := range r.Calls {
		spans, failed = spans+m.Spans, failed+m.Errors
	}
	inits, others := 0, 0
	for _, name := range ev.EndedSpans() {
		if name == initSpan {
			inits++
		} else {
			others++
		}
	}
	if others != spans {
		r.Errorf("%d spans ended besides those of the initialization; want %d", others, spans)
	}
	if want := r.wantedInits(ev); inits != want {
		r.Errorf("%d spans of an initialization ended; want %d, one for each process with spans of invocations", inits, want)
	}
	arrived := make(map[string]bool)
	for _, span := range r.Spans() {
		if span.Status == "error" {
			arrived[span.SpanID] = true
		}
	}
	if r.Allow.Lost == 0 && len(arrived) != failed {
		r.Errorf("%d spans arrived with status Error; want %d", len(arrived), failed)
	}
}

// wantedInits returns how many processes have traced an invocation.
func (r *Run) wantedInits(ev *Events) int {
	if r.Program == "unwrapped" {
		return 0
	}
	traced, process := make(map[int]bool), 0
	for _, e := range ev.All {
		switch {
		case e.Kind == lambdatest.KindProcessStart:
			process = e.Count
		case e.Kind == KindLine && strings.HasPrefix(e.Detail, spanEnded):
			traced[process] = true
		}
	}
	return len(traced)
}

// checkInit compares the spans of initializations: children of the first invocation of a process, which lie between the
// start of the process and that invocation, and say how the environment was made.
func (r *Run) checkInit(ev *Events) {
	const granularity = 20 * time.Millisecond // of the start of a real process
	cold, kind := true, "on-demand"
	if r.Config.ManagedInstances {
		cold, kind = false, "lambda-managed-instances"
	}
	invocations := make(map[string]otlpreceiver.Span)
	for _, span := range r.Spans() {
		if span.Attributes["faas.invocation_id"] != nil {
			invocations[span.TraceID+span.SpanID] = span
		}
	}
	for _, span := range r.Spans() {
		if span.Name != initSpan {
			continue
		}
		if span.Attributes["faas.coldstart"] != cold || span.Attributes["epilogue.initialization_type"] != kind {
			r.Errorf("the init span says %v; want %v, %s", span.Attributes, cold, kind)
		}
		first, arrived := invocations[span.TraceID+span.ParentSpanID]
		if !arrived && r.Allow.Lost == 0 {
			r.Errorf("the init span's parent %s in trace %s is no invocation that arrived", span.ParentSpanID, span.TraceID)
		}
		if arrived && (span.End.After(first.Start) || first.Attributes["faas.coldstart"] != cold) {
			r.Errorf("the init span ends at %v; its invocation starts at %v with faas.coldstart %v",
				span.End, first.Start, first.Attributes["faas.coldstart"])
		}
		if span.Start.After(span.End) || span.Start.Before(ev.All[0].At.Add(-granularity)) {
			r.Errorf("the init span is from %v to %v; the environment started at %v", span.Start, span.End, ev.All[0].At)
		}
	}
}

// checkTimes compares, in virtual time, what each phase took before the post and after it, when it was released, and how
// long its caller waited.
func (r *Run) checkTimes(ev *Events) {
	calls := make(map[string]*Made)
	for _, m := range r.Calls {
		calls[m.ID] = m
	}
	for _, inv := range ev.Invocations() {
		if m := calls[inv.ID]; inv.Answered != nil && m.Waited != inv.Answered.At.Sub(m.Began) {
			r.Errorf("%s, %s: its caller waited for %s; want %s", m.ID, m.Name, m.Waited, inv.Answered.At.Sub(m.Began))
		}
	}
	var free time.Time // when the environment became free
	for _, report := range lambdatest.Invocations(ev.All) {
		m := calls[report.RequestID]
		response, held := m.times(r.Config.Order)
		if m.AtMost && report.AfterResponse <= held {
			held = report.AfterResponse
		}
		if report.Handler != response || report.AfterResponse != held {
			r.Errorf("%s, %s: the post came after %s, the end another %s later; want %s, %s",
				m.ID, m.Name, report.Handler, report.AfterResponse, response, held)
		}
		due := m.Began
		if free.After(due) && !r.Config.ManagedInstances {
			due = free
		}
		if late := report.Released.Sub(due); late != 0 {
			r.Errorf("%s, %s: released %s later than it could", m.ID, m.Name, late)
		}
		free = report.Ended
	}
}
