package integration

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
)

// A child on a busy machine keeps to these times.
const (
	wideFlush  = "EPILOGUE_PRE_TIMEOUT_FLUSH=1s"
	wideMargin = "EPILOGUE_DEADLINE_MARGIN=700ms" // before which the agent ends open spans
	wideLeft   = 500 * ms

	endBefore = "EPILOGUE_END_BEFORE_TIMEOUT=true"
)

// The error.type and the message of spans that were open at a timeout.
const (
	endedBefore = "timeout: ended before the deadline; the handler was still running"
	endedAfter  = "timeout: SIGTERM received during the invocation: the invocation timed out"
)

const tooEarly = "agent: the handler returned before its deadline"

var (
	noExtension = lambdatest.Config{Faults: lambdatest.Faults{Register: tooMany}}
	openSpans   = []string{"function", "inner", "outer", "work"} // of nests, at the timeout
	lateSpans   = map[string][]string{endedBefore: {"function", "work"}}
)

// timeouts are invocations that time out or nearly do, besides the timeouts of all other scenarios.
var timeouts = []scenario{
	{
		Name:  "timeout: SIGTERM ends the open spans",
		Steps: steps(invoke(ok, nests, ok), shutdown, marks(map[string][]string{endedAfter: openSpans})),
	},
	{
		Name:   "timeout: SIGKILL, no SIGTERM",
		Config: noExtension,
		Env:    []string{wideFlush},
		Logs:   []string{"agent: an invocation is about to time out"},
		Steps: steps(
			invoke(ok, exits(nests, -1), ok), harness.ShutdownWith(-1), marks(map[string][]string{endedBefore: openSpans})),
	},
	{
		Name:   "timeout: SIGKILL, and a Retry-After beyond it",
		Config: noExtension,
		Env:    []string{wideFlush},
		Steps: steps(
			invoke(ok), next(throttled("60")), invoke(exits(nests, -1)), invoke(ok), harness.ShutdownWith(-1),
			marks(map[string][]string{endedBefore: openSpans})),
	},
	{
		Name:   "timeout: SIGKILL, no flush before",
		Config: noExtension,
		Env:    []string{"EPILOGUE_PRE_TIMEOUT_FLUSH=0"},
		Allow:  allow{Lost: 2, LostRecords: 1, LostMeasurements: 1}, // the span that has ended, and that of the initialization
		Steps: steps(
			invoke(exits(but(ends(nests, 1, 0), func(c *call) { c.Early = false }), -1), ok), harness.ShutdownWith(-1),
			marks(nil)),
	},
	{
		Name:  "timeout: the agent ends the open spans before SIGTERM",
		Env:   []string{wideFlush, endBefore},
		Steps: steps(invoke(nests, ok), shutdown, marks(map[string][]string{endedBefore: openSpans})),
	},
	{
		Name:  "nearly a timeout",
		Env:   []string{wideFlush},
		Steps: steps(invoke(late(wideLeft)), freeze(hour), invoke(ok), shutdown, marks(nil)),
	},
	{
		Name:  "nearly a timeout, spans ended too early",
		Env:   []string{wideFlush, wideMargin, endBefore},
		Logs:  []string{tooEarly},
		Steps: steps(invoke(endedEarly(late(wideLeft)), ok), shutdown, marks(lateSpans)),
	},
	{
		Name:   "nearly a timeout, not registered",
		Config: noExtension,
		Env:    []string{wideFlush, wideMargin},
		Allow:  allow{LostMeasurements: 1}, // since the last collection
		Logs:   []string{tooEarly},
		Steps:  steps(invoke(endedEarly(late(wideLeft)), ok), harness.ShutdownWith(-1), marks(lateSpans)),
	},
	{
		Name:   "nearly a timeout, Managed Instances",
		Config: instances(4),
		Env:    []string{wideFlush, wideMargin, endBefore},
		Allow:  allow{Background: true},
		Logs:   []string{tooEarly},
		Steps: steps(
			together(slices.Repeat([]call{endedEarly(late(wideLeft))}, 4)...), shutdown,
			marks(map[string][]string{
				endedBefore: slices.Sorted(slices.Values(slices.Repeat([]string{"function", "work"}, 4))),
			})),
	},
}

// marks compares the names of the spans that have an error.type, by that type and the message. The parent of each span has
// to be there.
func marks(want map[string][]string) step {
	return func(r *run) {
		ids, got := make(map[string]bool), make(map[string][]string)
		for _, span := range r.Receiver.Spans() {
			ids[span.SpanID] = true
			if errorType, ok := span.Attributes["error.type"].(string); ok {
				what := errorType + ": " + span.StatusMessage
				got[what] = append(got[what], span.Name)
			}
			if span.End.Before(span.Start) || span.End.After(span.Arrived) {
				r.Errorf("span %q is from %v to %v; it arrived at %v", span.Name, span.Start, span.End, span.Arrived)
			}
		}
		for _, span := range r.Receiver.Spans() {
			if parent := span.ParentSpanID; parent != "" && !ids[parent] && span.Name != "function" {
				r.Errorf("the parent of %q did not arrive", span.Name)
			}
		}
		for _, names := range got {
			slices.Sort(names)
		}
		if !maps.EqualFunc(want, got, slices.Equal) {
			r.Errorf("spans by error.type (-want +got)\n%s", cmp.Diff(want, got))
		}
	}
}

// With the defaults a handler may return in the last tenth of a second. A real machine is not as punctual.
func TestHandlerThatReturnsAtTheLastMoment(t *testing.T) {
	t.Parallel()
	for _, left := range []time.Duration{189 * ms, 150 * ms, 100 * ms, 61 * ms} {
		inMemory(t, scenario{Steps: steps(invoke(late(left), ok), shutdown, marks(nil))})
	}
}
