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
	wideGuard = "EPILOGUE_TIMEOUT_GUARD=1s"
	wideLeft  = 500 * ms

	copiesOn = "EPILOGUE_PROVISIONAL_SPANS=true"
)

var (
	noExtension = lambdatest.Config{Faults: lambdatest.Faults{Register: tooMany}}
	openSpans   = []string{"function", "inner", "outer", "work"} // of nests, at the timeout
	onTimeout   = map[string][]string{"timeout": openSpans}
)

// timeouts are invocations that time out or nearly do, besides the timeouts of all other scenarios.
var timeouts = []scenario{
	{
		Name:  "timeout: SIGTERM ends the open spans",
		Steps: steps(invoke(ok, nests, ok), shutdown, marks(onTimeout, nil)),
	},
	{
		Name:   "timeout: SIGKILL, no SIGTERM",
		Config: noExtension,
		Env:    []string{wideGuard},
		Logs:   []string{"agent: an invocation is about to time out"},
		Steps: steps(
			invoke(ok, exits(copied(ends(nests, 1, 0), 4), -1), ok), harness.ShutdownWith(-1),
			marks(nil, openSpans)),
	},
	{
		Name:   "timeout: SIGKILL, no flush before",
		Config: noExtension,
		Env:    []string{"EPILOGUE_TIMEOUT_GUARD=0"},
		Allow:  allow{Lost: 2}, // the span that has ended, and that of the initialization
		Steps: steps(
			invoke(exits(but(ends(nests, 1, 0), func(c *call) { c.Early = false }), -1), ok), harness.ShutdownWith(-1),
			marks(nil, nil)),
	},
	{
		Name:  "timeout: SIGTERM and copies",
		Env:   []string{wideGuard, copiesOn},
		Steps: steps(invoke(copied(nests, 4), ok), shutdown, marks(onTimeout, openSpans)),
	},
	{
		Name:  "nearly a timeout",
		Env:   []string{wideGuard},
		Steps: steps(invoke(late(wideLeft)), freeze(hour), invoke(ok), shutdown, marks(nil, nil)),
	},
	{
		Name:  "nearly a timeout, and copies",
		Env:   []string{wideGuard, copiesOn},
		Steps: steps(invoke(copied(late(wideLeft), 2), ok), shutdown, marks(nil, []string{"function", "work"})),
	},
	{
		Name:   "nearly a timeout, not registered",
		Config: noExtension,
		Env:    []string{wideGuard},
		Steps: steps(
			invoke(copied(late(wideLeft), 2), ok), harness.ShutdownWith(-1), marks(nil, []string{"function", "work"})),
	},
	{
		Name:   "nearly a timeout, Managed Instances",
		Config: instances(4),
		Env:    []string{wideGuard, copiesOn},
		Allow:  allow{Background: true},
		Steps: steps(
			together(slices.Repeat([]call{held(copied(late(wideLeft), 2), 0)}, 4)...), shutdown,
			marks(nil, slices.Sorted(slices.Values(slices.Repeat([]string{"function", "work"}, 4))))),
	},
}

// marks compares the names of the spans with each error.type, and those of the copies, which all say that they timed out.
// The parent of a copy has to be there, as a copy or by itself.
func marks(types map[string][]string, copies []string) step {
	return func(r *run) {
		ids, got, gotCopies := make(map[string]bool), make(map[string][]string), []string(nil)
		for _, span := range r.Receiver.Spans() {
			ids[span.SpanID] = true
			errorType, _ := span.Attributes["error.type"].(string)
			switch {
			case harness.IsCopy(span):
				gotCopies = append(gotCopies, span.Name)
				if errorType != "timeout" || span.Status != "error" || span.End.Before(span.Start) || span.End.After(span.Arrived) {
					r.Errorf("a copy says %q, status %s, from %v to %v", errorType, span.Status, span.Start, span.End)
				}
			case errorType != "":
				got[errorType] = append(got[errorType], span.Name)
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
		slices.Sort(gotCopies)
		if !maps.EqualFunc(types, got, slices.Equal) {
			r.Errorf("spans by error.type (-want +got)\n%s", cmp.Diff(types, got))
		}
		if diff := cmp.Diff(copies, gotCopies); diff != "" {
			r.Errorf("copies (-want +got)\n%s", diff)
		}
	}
}

// With the defaults a handler may return in the last tenth of a second. A real machine is not as punctual.
func TestHandlerThatReturnsAtTheLastMoment(t *testing.T) {
	t.Parallel()
	for _, left := range []time.Duration{189 * ms, 150 * ms, 100 * ms, 61 * ms} {
		inMemory(t, scenario{Steps: steps(invoke(late(left), ok), shutdown, marks(nil, nil))})
	}
}
