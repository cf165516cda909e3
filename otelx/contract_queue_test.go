package otelx_test

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// hold makes the SDK keep its spans: the backend asks for so many seconds without requests.
func (f *fixture) hold(seconds int) {
	f.Helper()
	f.backend.FailNext(otlpreceiver.Fault{Status: 503, RetryAfter: strconv.Itoa(seconds)})
	f.end("held")
	if o := f.flush(time.Second); o.err == nil {
		f.Error("ForceFlush: nil although the backend refused")
	}
}

func numbers(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		b.WriteString(" " + strconv.Itoa(i))
	}
	return b.String()
}

// A full queue drops its oldest spans, counts them, and makes one flush fail.
func TestContractFullQueueDropsTheOldest(t *testing.T) {
	contract(t, func(f *fixture) {
		f.hold(60)
		for i := range 300 {
			f.end(strconv.Itoa(i))
			if n := f.counts().pending; n > 100 {
				f.Fatalf("%d spans pending in a queue of 100", n)
			}
		}
		f.wantCounts(spanCounts{ended: 301, pending: 100, dropped: otelx.Dropped{QueueFull: 201}})
		time.Sleep(time.Minute)
		if drop := dropped(f.flush(time.Second).err); drop == nil || drop.Dropped != (otelx.Dropped{QueueFull: 201}) {
			f.Errorf("DropError: %v", drop)
		}
		f.mustFlush(time.Second, 0)
		f.wantDelivered(numbers(200, 300))
		f.wantCounts(spanCounts{ended: 301, exported: 100, dropped: otelx.Dropped{QueueFull: 201}})
	}, withQueue(100, 10))
}

func TestContractPending(t *testing.T) {
	contract(t, func(f *fixture) {
		want := func(when string, n int, flushNow bool) {
			f.Helper()
			synctest.Wait()
			if gotN, gotNow := f.sdk.Pending(); gotN != n || gotNow != flushNow {
				f.Errorf("%s: Pending() = %d, %t; want %d, %t", when, gotN, gotNow, n, flushNow)
			}
		}
		want("at first", 0, false)
		f.end("a", "b", "c")
		want("three of sixteen", 3, false)
		f.end("d")
		want("a quarter of the queue", 4, true)
		f.fails(otlpreceiver.Fault{Delay: 10 * ms})
		flush := async(func() outcome { return f.flush(time.Second) })
		want("during a flush", 4, true)
		<-flush
		want("after it", 0, false)
		f.fails(otlpreceiver.Fault{Status: 400})
		f.end(strings.Fields("a b c d e f g h")...) // half full: a background export
		want("after a drop that no flush has reported", 0, true)
		_ = f.flush(time.Second)
		want("after the report", 0, false)
	}, withQueue(16, 4))
}
