package otelx_test

import (
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

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
