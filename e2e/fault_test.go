package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

// faultMode is a fault between the function and the Collector, for a time or until the end.
type faultMode struct {
	name  string
	drive func(s *proxied)
	// trouble means that the log reports the fault.
	trouble bool
	// held is the shortest time for which it holds an invocation.
	held time.Duration
	// twice permits spans to arrive more than once: answers were lost or late, and unconfirmed spans are sent again.
	twice bool
	// left permits spans to be pending at the end, since the backend is away then. They are counted.
	left bool
}

// faults are the tested modes. Most of them end before the shutdown.
var faults = []faultMode{
	{name: "clear"},
	{name: "50 ms away, give or take 20", held: 30 * time.Millisecond, drive: during(
		toxic{"latency", requests, map[string]int{"latency": 25, "jitter": 10}},
		toxic{"latency", answers, map[string]int{"latency": 25, "jitter": 10}},
	)},
	{name: "200 KB/s", held: 80 * time.Millisecond, drive: during(toxic{"bandwidth", requests, map[string]int{"rate": 200}})},
	{
		name: "10 KB/s, too little for the flush timeout", trouble: true, twice: true, held: flushTimeout / 2,
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
	{name: "refused, then up again", trouble: true, drive: func(s *proxied) {
		s.invokeTimes(1)
		s.proxy.down()
		s.invokeTimes(1)
		s.freeze()
		s.invokeTimes(1)
		s.proxy.up()
		s.recoverAndRun()
	}},
	{name: "restarted in each of ten freezes", drive: func(s *proxied) {
		for range 10 {
			s.invokeTimes(1)
			s.proxy.down()
			s.proxy.up()
		}
		s.recoverAndRun()
	}},
	{name: "refused to the end", trouble: true, left: true, drive: func(s *proxied) {
		s.invokeTimes(1)
		s.proxy.down()
		s.invokeTimes(1)
	}},
	{name: "a black hole for requests to the end", trouble: true, left: true, drive: until(toxic{"timeout", requests, map[string]int{"timeout": 0}})},
	{name: "a black hole for answers to the end", trouble: true, left: true, twice: true, drive: until(toxic{"timeout", answers, map[string]int{"timeout": 0}})},
	{name: "requests cut to the end", trouble: true, left: true, drive: until(toxic{"limit_data", requests, map[string]int{"bytes": 2000}})},
	{name: "up again at the end", trouble: true, drive: func(s *proxied) {
		s.invokeTimes(1)
		s.proxy.down()
		s.invokeTimes(1)
		s.invokeTimes(1)
		s.proxy.up() // SIGTERM comes next
	}},
}

// during applies the toxics for two invocations, with a freeze between.
func during(toxics ...toxic) func(s *proxied) {
	return func(s *proxied) {
		until(toxics...)(s)
		s.proxy.heal()
		s.recoverAndRun()
	}
}

// until applies the toxics until the end.
func until(toxics ...toxic) func(s *proxied) {
	return func(s *proxied) {
		s.invokeTimes(1)
		for _, t := range toxics {
			s.proxy.poison(t)
		}
		s.invokeTimes(1)
		s.freeze()
		s.invokeTimes(1)
	}
}

// recoverAndRun runs two more invocations after the end of the fault.
func (s *proxied) recoverAndRun() {
	s.freeze()
	s.invokeTimes(1)
	s.freeze()
	s.invokeTimes(1)
}

// With each fault of the network no span is lost, and a span arrives twice only if an answer was lost. No invocation is held
// for longer than the flush timeout, the process exits inside its window, and its reported counts are true.
func TestNetworkFaults(t *testing.T) {
	for _, w := range faults {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := startProxied(t)
			if w.drive == nil {
				w.drive = (*proxied).recoverAndRun
			}
			w.drive(s)
			s.shutdown()

			ended, all := readRecord(t, s.record), readDelivered(t, s.col.file)
			once := unique(t, all)
			if len(once) < len(all) && !w.twice && !s.busy() {
				t.Errorf("%d spans arrived more than once", len(all)-len(once))
			}
			s.checkLog(w.trouble)
			s.checkHeld(w.held)
			got := readCounts(t, s.log())
			got.check(t, len(ended), len(once), w.twice && w.left)
			if w.left {
				if got["pending"] == 0 {
					t.Error("nothing is pending; the fault had no effect")
				}
				ended, _ = split(ended, once)
			} else if got["pending"] != 0 {
				t.Errorf("%d spans are pending", got["pending"])
			}
			compare(t, ended, once)
			t.Logf("%d spans arrived, %d too many; the function says %v", len(once), len(all)-len(once), got)
			if t.Failed() {
				t.Logf("%s\n%s", s.lambda.Log(), s.log())
			}
		})
	}
}

// checkLog expects warnings in the log before the end if trouble is set, and none otherwise.
func (s *proxied) checkLog(trouble bool) {
	s.Helper()
	before, _, _ := strings.Cut(s.log(), "SIGTERM received")
	if logged := strings.Contains(before, "WARN") || strings.Contains(before, "ERROR"); logged != trouble {
		s.Errorf("trouble: %t; the log has some: %t\n%s", trouble, logged, before)
	}
}

// checkHeld expects that the fault has delayed an invocation by at least the given time.
func (s *proxied) checkHeld(least time.Duration) {
	s.Helper()
	longest := time.Duration(0)
	for _, r := range lambdatest.Invocations(s.lambda.Log().Events()) {
		longest = max(longest, r.AfterResponse)
	}
	if longest < least {
		s.Errorf("no invocation was held for more than %s; the fault should cost %s", longest, least)
	}
}

// busy reports whether the machine is so slow that answers may miss the shortest probe timeout, 100 ms: a handler of 10 ms
// then takes more than half of that.
func (s *proxied) busy() bool {
	for _, r := range lambdatest.Invocations(s.lambda.Log().Events()) {
		if r.Handler > 50*time.Millisecond {
			s.Logf("invocation %s took %s on this machine: a duplicate proves nothing", r.RequestID, r.Handler)
			return true
		}
	}
	return false
}
