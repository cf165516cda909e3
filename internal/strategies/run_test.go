package strategies

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
)

const (
	period      = 10 * time.Second // the strategies' default
	handlerTime = 5 * time.Millisecond
	idleTime    = 6 * time.Minute // from the last invocation to the end of the environment
)

// figures are the result of one strategy and one pattern of arrivals.
type figures struct {
	invocations   int
	flushes, idle int             // before the shutdown: made, and skipped because no span was pending
	billed, after time.Duration   // all of it, and of it the part after the responses
	waits         []time.Duration // of the spans that arrived before the shutdown, from end to arrival, sorted
	waiting       int             // the most spans that waited in a freeze
	left          int             // spans that arrived in the shutdown
	ended, lost   int             // spans
	late          int             // spans that waited for more than the period although ends came half of it apart
}

// run has one strategy serve the arrivals. env is added to the function's environment.
func run(t *testing.T, strategy string, a arrivals, env ...string) (f figures) {
	t.Helper()
	var fn *harness.Function
	var before []harness.Span // that arrived before the shutdown
	sc := harness.Scenario{
		Main: func(p harness.Process) { fn = harness.New(p); fn.Serve(fn.Handle) },
		Env:  append(env, "EPILOGUE_FLUSH_STRATEGY="+strategy, harness.WithoutInitSpan+"=true"), Unchecked: true,
		Config: lambdatest.Config{Order: lambdatest.OrderInvokeFirst, OrderGap: time.Millisecond},
	}
	sc.Steps = []harness.Step{
		func(r *harness.Run) { f.serve(r, a.times, &fn) },
		func(r *harness.Run) {
			before = r.Spans()
			f.flushes, f.idle = int(fn.Agent.Stats().Flushes), int(fn.Agent.Stats().EmptyFlushesSkipped)
		},
		harness.Freeze(idleTime), harness.Shutdown,
		func(r *harness.Run) { f.count(r, fn, before) },
	}
	harness.InMemory(t, sc)
	return f
}

// serve makes the invocations.
func (f *figures) serve(r *harness.Run, times []time.Duration, fn **harness.Function) {
	call := harness.Call{
		Payload: harness.Command{Do: "ok", Pause: handlerTime}.Payload(), Expect: harness.Expect{Answer: `"done"`},
	}
	began := time.Now()
	for _, at := range times {
		time.Sleep(time.Until(began.Add(at)))
		harness.Invoke(call)(r)
		synctest.Wait()
		f.waiting = max(f.waiting, int((*fn).SDK.Stats().Pending))
		f.invocations++
	}
}

// count adds up the billed time and the fates of the spans; those in before arrived before the shutdown.
func (f *figures) count(r *harness.Run, fn *harness.Function, before []harness.Span) {
	var ends []time.Time
	for _, report := range lambdatest.Invocations(r.Log.Events()) {
		f.after += report.AfterResponse
		f.billed += report.Billed
		ends = append(ends, report.Posted)
	}
	arrived := len(r.Spans())
	f.ended = int(fn.SDK.Stats().Ended)
	f.lost = f.ended - (arrived - r.Receiver.Duplicates())
	f.left = arrived - len(before)
	for _, s := range before {
		wait := s.Arrived.Sub(s.End)
		f.waits = append(f.waits, wait)
		if wait > period+harness.BackendTime && densely(ends, s.End, s.Arrived, period/2) {
			f.late++
		}
	}
	slices.Sort(f.waits)
}

// densely reports whether invocations have ended at most reach apart between from and to.
func densely(ends []time.Time, from, to time.Time, reach time.Duration) bool {
	last := from
	for _, end := range ends {
		if end.Before(from) {
			continue
		}
		if end.Sub(last) > reach {
			return false
		}
		if last = end; !end.Before(to) {
			break
		}
	}
	return true
}
