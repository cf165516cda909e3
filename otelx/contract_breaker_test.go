package otelx_test

import (
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

// Over 1,000 invocations an outage costs at most 5 ms an invocation, the first flush not counted, and that takes at most
// the flush timeout. The youngest spans are kept, and delivered when the backend is back.
func TestContractAnOutageCostsLittle(t *testing.T) {
	for name, fault := range map[string]otlpreceiver.Fault{
		"hangs": {Hang: true}, "503": {Status: 503, Delay: 5 * ms}, "cut": {Cut: otlpreceiver.BeforeRead},
	} {
		t.Run(name, func(t *testing.T) {
			contract(t, func(f *fixture) {
				f.fails(fault)
				first, others := f.invocations(1000, 100*ms)
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
				f.wantDelivered(numbers(700, 1000))
			}, withQueue(300, 50))
		})
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
