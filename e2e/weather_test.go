package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

// weather is something that goes wrong between the function and the Collector, for a time or until the end.
type weather struct {
	name  string
	drive func(s *stage)
	// trouble is bad enough for the log to tell; of anything else it says nothing.
	trouble bool
	// felt is how long it holds an invocation at least.
	felt time.Duration
	// twice permits spans to arrive more than once: answers got lost, or were not waited for, and what is not confirmed is
	// sent again.
	twice bool
	// left permits spans to be pending at the end, since the backend is away then. They are counted.
	left bool
}

// weathers begin with a clear sky, and most end with one.
var weathers = []weather{
	{name: "clear"},
	{name: "50 ms away, give or take 20", felt: 30 * time.Millisecond, drive: during(
		toxic{"latency", requests, map[string]int{"latency": 25, "jitter": 10}},
		toxic{"latency", answers, map[string]int{"latency": 25, "jitter": 10}},
	)},
	{name: "200 KB/s", felt: 80 * time.Millisecond, drive: during(toxic{"bandwidth", requests, map[string]int{"rate": 200}})},
	{
		name: "10 KB/s, too little for the flush timeout", trouble: true, twice: true, felt: flushTimeout / 2,
		drive: during(toxic{"bandwidth", requests, map[string]int{"rate": 10}}),
	},
	{name: "in slices", drive: during(
		toxic{"slicer", requests, map[string]int{"average_size": 512, "size_variation": 200, "delay": 50}},
		toxic{"slicer", answers, map[string]int{"average_size": 16, "size_variation": 8, "delay": 50}},
	)},
	{name: "connections close slowly", drive: during(toxic{"slow_close", answers, map[string]int{"delay": 300}})},
	{name: "a black hole for requests", trouble: true, drive: during(toxic{"timeout", requests, map[string]int{"timeout": 0}})},
	{name: "a black hole for answers", trouble: true, twice: true, drive: during(toxic{"timeout", answers, map[string]int{"timeout": 0}})},
	{name: "connections time out", trouble: true, drive: during(toxic{"timeout", requests, map[string]int{"timeout": 100}})},
	{name: "requests reset", trouble: true, drive: during(toxic{"reset_peer", requests, map[string]int{"timeout": 0}})},
	{name: "answers reset", trouble: true, twice: true, drive: during(toxic{"reset_peer", answers, map[string]int{"timeout": 0}})},
	{name: "requests cut in the middle", trouble: true, drive: during(toxic{"limit_data", requests, map[string]int{"bytes": 2000}})},
	{name: "answers cut in the middle", trouble: true, twice: true, drive: during(toxic{"limit_data", answers, map[string]int{"bytes": 20}})},
	{name: "refused, then up again", trouble: true, drive: func(s *stage) {
		s.invoke(spansEach)
		s.proxy.down()
		s.invoke(spansEach)
		s.freeze()
		s.invoke(spansEach)
		s.proxy.up()
		s.clearUp()
	}},
	{name: "restarted in each of ten freezes", drive: func(s *stage) {
		for range 10 {
			s.invoke(spansEach)
			s.proxy.down()
			s.proxy.up()
		}
		s.clearUp()
	}},
	{name: "refused to the end", trouble: true, left: true, drive: func(s *stage) {
		s.invoke(spansEach)
		s.proxy.down()
		s.invoke(spansEach)
	}},
	{name: "a black hole for requests to the end", trouble: true, left: true, drive: until(toxic{"timeout", requests, map[string]int{"timeout": 0}})},
	{name: "a black hole for answers to the end", trouble: true, left: true, twice: true, drive: until(toxic{"timeout", answers, map[string]int{"timeout": 0}})},
	{name: "requests cut to the end", trouble: true, left: true, drive: until(toxic{"limit_data", requests, map[string]int{"bytes": 2000}})},
	{name: "up again at the end", trouble: true, drive: func(s *stage) {
		s.invoke(spansEach)
		s.proxy.down()
		s.invoke(spansEach)
		s.invoke(spansEach)
		s.proxy.up() // and SIGTERM comes before anything else
	}},
}

// spansEach is how many spans an invocation ends beside its own two: in requests of some 25 KB.
const spansEach = 30

// during has the toxics at work for two invocations, with a freeze between.
func during(toxics ...toxic) func(s *stage) {
	return func(s *stage) {
		until(toxics...)(s)
		s.proxy.heal()
		s.clearUp()
	}
}

// until is during without an end.
func until(toxics ...toxic) func(s *stage) {
	return func(s *stage) {
		s.invoke(spansEach)
		for _, t := range toxics {
			s.proxy.poison(t)
		}
		s.invoke(spansEach)
		s.freeze()
		s.invoke(spansEach)
	}
}

// clearUp is the weather getting better: the function goes on for a while.
func (s *stage) clearUp() {
	s.freeze()
	s.invoke(spansEach)
	s.freeze()
	s.invoke(spansEach)
}

// Whatever the network does, no span is lost, none comes twice without an answer having been lost, no invocation is held
// for longer than the flush timeout, the process is gone inside its window, and what it says of all this is true.
func TestWeather(t *testing.T) {
	for _, w := range weathers {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			if w.drive == nil {
				w.drive = (*stage).clearUp
			}
			w.drive(s)
			s.shutdown()

			ended, all := readRecord(t, s.record), readDelivered(t, s.col.file)
			once := unique(t, all)
			if len(once) < len(all) && !w.twice && !s.busy() {
				t.Errorf("%d spans arrived more than once", len(all)-len(once))
			}
			s.checkLog(w.trouble)
			s.checkFelt(w.felt)
			acc := readAccount(t, s.stderr.String())
			acc.check(t, len(ended), len(once), w.twice && w.left)
			if w.left {
				if acc["pending"] == 0 {
					t.Error("nothing is pending; the weather was too good")
				}
				ended = among(ended, once)
			} else if acc["pending"] != 0 {
				t.Errorf("%d spans are pending", acc["pending"])
			}
			compare(t, ended, once)
			t.Logf("%d spans arrived, %d too many; the function says %v", len(once), len(all)-len(once), acc)
			if t.Failed() {
				t.Logf("%s\n%s", s.lambda.Log(), s.stderr)
			}
		})
	}
}

// checkLog expects the log to tell of trouble before the end, and of nothing else.
func (s *stage) checkLog(trouble bool) {
	s.Helper()
	before, _, _ := strings.Cut(s.stderr.String(), "SIGTERM received")
	if told := strings.Contains(before, "WARN") || strings.Contains(before, "ERROR"); told != trouble {
		s.Errorf("trouble: %t; the log tells of some: %t\n%s", trouble, told, before)
	}
}

// checkFelt expects that the weather was as bad as it is meant to be.
func (s *stage) checkFelt(least time.Duration) {
	s.Helper()
	longest := time.Duration(0)
	for _, r := range lambdatest.Invocations(s.lambda.Log().Events()) {
		longest = max(longest, r.AfterResponse)
	}
	if longest < least {
		s.Errorf("no invocation was held for more than %s; the weather should cost %s", longest, least)
	}
}

// busy reports whether the machine was so slow that answers may have come too late for the shortest of the function's looks
// at a backend that had been down, which is 100 ms: as slow as to take half of that for a handler that takes 10 ms.
func (s *stage) busy() bool {
	for _, r := range lambdatest.Invocations(s.lambda.Log().Events()) {
		if r.Handler > 50*time.Millisecond {
			s.Logf("invocation %s took %s on this machine: what comes twice proves nothing", r.RequestID, r.Handler)
			return true
		}
	}
	return false
}

// unique leaves out spans that are there already, which have to be the same in every field.
func unique(t *testing.T, spans []span) []span {
	t.Helper()
	first := map[string]span{}
	var once, again []span
	for _, s := range spans {
		if _, seen := first[s.SpanID]; seen {
			again = append(again, s)
			continue
		}
		first[s.SpanID] = s
		once = append(once, s)
	}
	var firsts []span
	for _, s := range again {
		firsts = append(firsts, first[s.SpanID])
	}
	compare(t, firsts, again)
	return once
}

// among returns the spans whose ids are also in others.
func among(spans, others []span) []span {
	ids := map[string]bool{}
	for _, s := range others {
		ids[s.SpanID] = true
	}
	var out []span
	for _, s := range spans {
		if ids[s.SpanID] {
			out = append(out, s)
		}
	}
	return out
}
