package otelx_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// flushTimeout is what the agent gives the flush after an invocation.
const flushTimeout = 2 * time.Second

// invocations ends a span and flushes, so many times and so far apart. It returns the time of the first flush and of all
// others together.
func (f *fixture) invocations(n int, apart time.Duration) (first, others time.Duration) {
	for i := range n {
		f.end(strconv.Itoa(i))
		o := f.flush(flushTimeout)
		if i == 0 {
			first = o.took
		} else {
			others += o.took
		}
		time.Sleep(apart)
	}
	return first, others
}

// warmUp lets the backend answer some flushes, each after usual.
func (f *fixture) warmUp(usual time.Duration) {
	f.fails(otlpreceiver.Fault{Delay: usual})
	for range 20 {
		f.end("warm")
		f.mustFlush(flushTimeout, usual)
	}
}

// Over 1,000 invocations an outage costs at most 5 ms an invocation, the first flush not counted, and that takes at most
// the flush timeout. The youngest spans are kept, and delivered when the backend is back.
func TestContractAnOutageCostsLittle(t *testing.T) {
	const never = -1 // the backend has not answered before
	for name, fault := range map[string]otlpreceiver.Fault{
		"hangs": {Hang: true}, "503": {Status: 503}, "cut": {Cut: otlpreceiver.BeforeRead},
	} {
		for _, usual := range []time.Duration{never, 5 * ms, 30 * ms} {
			for _, apart := range []time.Duration{10 * ms, 100 * ms, time.Second} {
				t.Run(fmt.Sprintf("%s, usually %v, %v apart", name, usual, apart), func(t *testing.T) {
					contract(t, func(f *fixture) {
						if usual != never {
							f.warmUp(usual)
							fault.Delay = usual
						}
						warm := len(f.delivered())
						f.fails(fault)
						first, others := f.invocations(1000, apart)
						if first > flushTimeout {
							f.Errorf("the first flush took %v", first)
						}
						if mean := others / 999; mean > 5*ms {
							f.Errorf("the others took %v on average", mean)
						}
						f.works()
						time.Sleep(time.Minute)
						if o := f.flush(flushTimeout); o.err != nil && dropped(o.err) == nil {
							f.Errorf("the backend is back: ForceFlush: %v after %v", o.err, o.took)
						}
						f.wantDelivered(numbers(700, 1000) + strings.Repeat(" warm", warm))
					}, withQueue(300, 50))
				})
			}
		}
	}
}

// A backend that is slower after the outage than it was before is found again.
func TestContractASlowerBackendIsFoundAgain(t *testing.T) {
	for _, slow := range []time.Duration{50 * ms, 200 * ms, 600 * ms, 1500 * ms} {
		contract(t, func(f *fixture) {
			f.warmUp(5 * ms)
			f.fails(otlpreceiver.Fault{Hang: true})
			_, _ = f.invocations(1000, time.Second)
			f.works()
			f.fails(otlpreceiver.Fault{Delay: slow})
			back := time.Now()
			for f.counts().pending > 0 {
				if time.Since(back) > 30*time.Minute {
					f.Fatalf("a backend that answers after %v was not found within 30 minutes", slow)
				}
				time.Sleep(time.Second)
				_ = f.flush(flushTimeout)
			}
		}, withQueue(300, 300))
	}
}

// After one failure the next flush probes immediately: the backend may be well already.
func TestContractFlushAfterOneFailureGoesAtOnce(t *testing.T) {
	for name, fault := range map[string]otlpreceiver.Fault{
		"hangs": {Hang: true}, "503": {Status: 503}, "cut": {Cut: otlpreceiver.BeforeRead},
	} {
		contract(t, func(f *fixture) {
			f.fails(fault)
			f.end("a", "b", "c", "d", "e")
			if o := f.flush(flushTimeout); o.err == nil || o.took > flushTimeout {
				f.Errorf("%s: ForceFlush: %v after %v", name, o.err, o.took)
			}
			f.works()
			f.mustFlush(flushTimeout, 0)
			f.wantDelivered("a b c d e")
		}, withQueue(100, 2))
	}
}

// A probe is one request, however many flushes wait for it. While the breaker is open a flush returns at once, with the
// reason. After a successful probe everything else leaves at the same time.
func TestContractProbe(t *testing.T) {
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Hang: true})
		f.end("a", "b", "c", "d", "e", "f")
		_ = f.flush(time.Second)
		before, _ := f.requests()
		var callers []<-chan outcome
		for range 5 {
			callers = append(callers, async(func() outcome { return f.flush(time.Second) }))
		}
		for _, c := range callers {
			if o := <-c; o.err == nil || o.took > 500*ms {
				f.Errorf("ForceFlush: %v after %v, want a short attempt", o.err, o.took)
			}
		}
		f.wantRequests(before + 1)
		if o := f.flush(time.Second); o.err == nil || o.took != 0 || !strings.Contains(o.err.Error(), "no answer") {
			f.Errorf("ForceFlush: %v after %v, want the last failure at once", o.err, o.took)
		}
		f.wantRequests(before + 1)
		f.works()
		f.fails(otlpreceiver.Fault{Delay: 10 * ms})
		time.Sleep(100 * ms)
		f.mustFlush(time.Second, 20*ms)
		f.wantDelivered("a b c d e f")
	}, withQueue(100, 1))
}

// A permanent refusal is an answer of a backend that is up: each flush sends.
func TestContractRefusalsLeaveTheBreakerClosed(t *testing.T) {
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Status: 400})
		for range 50 {
			f.end("a")
			_ = f.flush(flushTimeout)
		}
		f.wantRequests(50)
		f.works()
		f.end("b")
		f.mustFlush(flushTimeout, 0)
	})
}

// A flush with much time does not spend all of it on a backend that refuses: half a second, or a quarter if that is more.
func TestContractFlushGivesUpBeforeItsDeadline(t *testing.T) {
	for timeout, most := range map[time.Duration]time.Duration{flushTimeout: 500 * ms, 30 * time.Second: 7500 * ms} {
		contract(t, func(f *fixture) {
			f.fails(otlpreceiver.Fault{Status: 503})
			f.end("a")
			if o := f.flush(timeout); o.err == nil || o.took > most {
				f.Errorf("with %v: %v after %v, want an error within %v", timeout, o.err, o.took, most)
			}
		})
	}
}

// Flushes too short for an answer prove nothing on their own, but a row of them does: then they stop waiting.
func TestContractShortFlushesFindOutTogether(t *testing.T) {
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Hang: true})
		var total time.Duration
		for range 1000 {
			f.end("a")
			o := f.flush(5 * ms)
			if o.err == nil || o.took > 5*ms {
				f.Errorf("ForceFlush: %v after %v", o.err, o.took)
			}
			total += o.took
			time.Sleep(5 * ms)
		}
		if total > 2*time.Second {
			f.Errorf("1,000 flushes of 5 ms took %v together", total)
		}
		f.works()
		time.Sleep(time.Minute)
		f.mustFlush(flushTimeout, 0)
		f.wantCounts(spanCounts{ended: 1000, exported: 1000})
	}, withQueue(5000, 512))
}
