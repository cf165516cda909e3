package integration

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// nests is a call that times out with spans open in each other, below the invocation's, and one that has ended. The ctx
// of "outer" is that of the invocation.
var nests = call{
	name: "nested timeout", payload: `{"do":"nest"}`, errorType: timesOut.errorType, spans: 5, flagged: 4,
	handler: timeout, early: true, exit: code(0),
}

// late is a call that makes it with so much time left.
func late(left time.Duration) call {
	payload, err := json.Marshal(event{Do: "late", Left: left})
	if err != nil {
		panic(err) // strings and numbers
	}
	return call{
		name: "late", payload: string(payload), answer: `"done"`, spans: 3,
		handler: timeout - left, after: collectorTime, early: true,
	}
}

// wide are the times that a child keeps to on a busy machine.
const (
	wideGuard = "EPILOGUE_PRE_TIMEOUT_FLUSH=1s"
	wideLeft  = 500 * time.Millisecond
)

var noExtension = lambdatest.Faults{Register: lambdatest.Fault{Status: http.StatusForbidden, ErrorType: "Extension.TooManyExtensions"}}

// timeouts are invocations that time out or nearly do, beside the timeouts of all other scenarios.
var timeouts = []scenario{
	{
		name: "timeout: SIGTERM ends what is open",
		drive: func(r *run) {
			r.send(succeeds, nests, succeeds)
			r.shutdown()
			r.compareMarks(map[string][]string{"timeout": {"function", "inner", "outer", "work"}}, nil)
		},
	},
	{
		name:   "timeout: SIGKILL, no SIGTERM",
		config: lambdatest.Config{Faults: noExtension},
		env:    []string{wideGuard},
		says:   []string{"agent: an invocation is about to time out"},
		drive: func(r *run) {
			r.send(succeeds, nests.ending(1).unflagged().copying(4).exiting(-1), succeeds)
			r.end(-1)
			r.compareMarks(nil, []string{"function", "inner", "outer", "work"})
		},
	},
	{
		name:   "timeout: SIGKILL, no guard",
		config: lambdatest.Config{Faults: noExtension},
		env:    []string{"EPILOGUE_PRE_TIMEOUT_FLUSH=0"},
		permit: permit{lost: 2}, // have ended, and nobody was told
		drive: func(r *run) {
			c := nests.ending(1).unflagged().exiting(-1)
			c.early = false
			r.send(c, succeeds)
			r.end(-1)
			r.compareMarks(nil, nil)
		},
	},
	{
		name: "timeout: SIGTERM and copies",
		env:  []string{wideGuard, "EPILOGUE_END_BEFORE_TIMEOUT=true"},
		drive: func(r *run) {
			r.send(nests.copying(4), succeeds)
			r.shutdown()
			r.compareMarks(map[string][]string{"timeout": {"function", "inner", "outer", "work"}}, []string{"function", "inner", "outer", "work"})
		},
	},
	{
		name: "nearly a timeout",
		env:  []string{wideGuard},
		drive: func(r *run) {
			r.send(late(wideLeft))
			r.freeze(hour)
			r.send(succeeds)
			r.shutdown()
			r.compareMarks(nil, nil)
		},
	},
	{
		name: "nearly a timeout, and copies",
		env:  []string{wideGuard, "EPILOGUE_END_BEFORE_TIMEOUT=true"},
		drive: func(r *run) {
			r.send(late(wideLeft).copying(2), succeeds)
			r.shutdown()
			r.compareMarks(nil, []string{"function", "work"})
		},
	},
	{
		name:   "nearly a timeout, nothing registered",
		config: lambdatest.Config{Faults: noExtension},
		env:    []string{wideGuard},
		drive: func(r *run) {
			r.send(late(wideLeft).copying(2), succeeds)
			r.end(-1)
			r.compareMarks(nil, []string{"function", "work"})
		},
	},
	{
		name:   "nearly a timeout, Managed Instances",
		config: lambdatest.Config{ManagedInstances: true, Concurrency: 4},
		env:    []string{wideGuard, "EPILOGUE_END_BEFORE_TIMEOUT=true"},
		permit: permit{beside: true},
		drive: func(r *run) {
			c := late(wideLeft).copying(2).held(0)
			r.together(c, c, c, c)
			r.shutdown()
			r.compareMarks(nil, slices.Sorted(slices.Values(slices.Repeat([]string{"function", "work"}, 4))))
		},
	},
}

// compareMarks compares the names of the spans with each error.type, and those of the copies, which all say that they
// timed out. A copy's parent has to be there, as a copy or by itself.
func (r *run) compareMarks(types map[string][]string, copies []string) {
	r.Helper()
	ids, got, gotCopies := make(map[string]bool), make(map[string][]string), []string(nil)
	spans := r.receiver.Spans()
	for _, span := range spans {
		ids[span.SpanID] = true
		errorType, _ := span.Attributes["error.type"].(string)
		switch {
		case invariant.IsCopy(span):
			gotCopies = append(gotCopies, span.Name)
			if errorType != "timeout" || span.Status != "error" || span.End.Before(span.Start) || span.End.After(span.Arrived) {
				r.Errorf("a copy says %q, status %s, from %v to %v", errorType, span.Status, span.Start, span.End)
			}
		case errorType != "":
			got[errorType] = append(got[errorType], span.Name)
		}
	}
	for _, span := range spans {
		if parent := span.ParentSpanID; parent != "" && !ids[parent] && span.Name != "function" {
			r.Errorf("the parent of %q did not arrive", span.Name)
		}
	}
	for _, names := range got {
		slices.Sort(names)
	}
	slices.Sort(gotCopies)
	if types == nil {
		types = map[string][]string{}
	}
	if !maps.EqualFunc(types, got, slices.Equal) {
		r.Errorf("spans by error.type (-want +got)\n%s", cmp.Diff(types, got))
	}
	if diff := cmp.Diff(copies, gotCopies); diff != "" {
		r.Errorf("copies (-want +got)\n%s", diff)
	}
}

// With the defaults, in the last tenth of a second, as fast as a real machine is not.
func TestHandlerThatMakesItAtTheLastMoment(t *testing.T) {
	t.Parallel()
	for _, left := range []time.Duration{189 * time.Millisecond, 150 * time.Millisecond, 100 * time.Millisecond, 61 * time.Millisecond} {
		inMemory(t, scenario{drive: func(r *run) {
			r.send(late(left), succeeds)
			r.shutdown()
			r.compareMarks(nil, nil)
		}})
	}
}

// A round trip longer than the share of the last ForceFlush does not lose the request: Shutdown waits for it as well.
func TestRoundTripAsLongAsTheWindow(t *testing.T) {
	t.Parallel()
	inMemory(t, scenario{drive: func(r *run) {
		r.collector(hanging)
		r.send(succeeds.held(flushTimeout))
		r.collector(otlpreceiver.Fault{Delay: 410 * time.Millisecond})
		r.shutdown()
	}})
}

// A flush that has gone on for longer than the window when SIGTERM comes is not thrown away for another: a request that is
// slow makes it, one that hangs is made once more at once.
func TestFlushUnderWayAtSigterm(t *testing.T) {
	t.Parallel()
	const since = 450 * time.Millisecond
	for _, tt := range []struct {
		name  string
		first otlpreceiver.Fault
		then  otlpreceiver.Fault
		took  time.Duration // from SIGTERM to the end of the process
	}{
		{"slow", otlpreceiver.Fault{Delay: 700 * time.Millisecond}, otlpreceiver.Fault{Delay: 700 * time.Millisecond}, 250 * time.Millisecond},
		{"hangs", hanging, well, collectorTime},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inMemory(t, scenario{drive: func(r *run) {
				r.collector(tt.then)
				r.receiver.FailNext(tt.first)
				var wait sync.WaitGroup
				wait.Go(func() { r.answer(succeeds.held(since + tt.took)) })
				r.await(func(e eventlog.Event) bool { return e.Kind == otlpreceiver.KindExportBegun })
				time.Sleep(since) // virtual
				r.signal(syscall.SIGTERM)
				wait.Wait()
				r.idle()
			}})
		})
	}
}
