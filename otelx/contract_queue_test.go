package otelx_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/otelerr"
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

// The counts add up at every moment, with every backend, and agree with the backend's spans.
func TestContractCountsAddUpAtEveryMoment(t *testing.T) {
	for seed := range uint64(20) {
		contract(t, func(f *fixture) { countsRound(f, seed) }, withQueue(200, 16))
	}
}

// countsRound is one round with its own sequence of faults.
func countsRound(f *fixture, seed uint64) {
	otelerr.Discard(f.T)
	rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // repeatable
	faults := []otlpreceiver.Fault{
		{},
		{},
		{Delay: 20 * ms},
		{Delay: time.Second},
		{Status: 503},
		{Status: 429, RetryAfter: "1"},
		{Status: 400},
		{Rejected: 3, Message: "no"},
		{Cut: otlpreceiver.BeforeRead},
		{Cut: otlpreceiver.AfterStore},
		{Hang: true},
		{Malformed: true},
	}
	stop := make(chan struct{})
	var work sync.WaitGroup
	repeat := func(every time.Duration, do func()) {
		work.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(every):
					do()
				}
			}
		})
	}
	repeat(5*ms, func() { f.fails(faults[rng.IntN(len(faults))]) })
	repeat(ms, func() { f.end("a", "b", "c") })
	repeat(3*ms, func() { f.end("d") })
	repeat(7*ms, func() { _ = f.flush(50 * ms) })
	repeat(11*ms, func() { _ = f.flush(200 * ms) })
	repeat(97*ms, f.backend.Unblock)
	repeat(500*time.Microsecond, func() {
		if c := f.counts(); !c.addUp() || c.pending > 200 {
			f.Errorf("seed %d: %+v", seed, c)
		}
	})
	time.Sleep(3 * time.Second)
	close(stop)
	work.Wait()
	f.works()
	time.Sleep(time.Minute)
	_ = f.shutdown(time.Second)
	c := f.counts()
	kept := int64(len(f.backend.Spans()) - f.backend.Duplicates())
	if c.pending != 0 || !c.addUp() || kept < c.exported || kept > c.exported+c.dropped.Total() {
		f.Errorf("seed %d: the backend has kept %d spans, the SDK counts %+v", seed, kept, c)
	}
}
