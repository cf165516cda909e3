package delivery_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/breaker"
	"github.com/epilogue-go/epilogue/internal/delivery"
)

// TestTypedNilErrors asserts that an error whose methods panic is a failure like any other: nothing is lost.
func TestTypedNilErrors(t *testing.T) {
	var typedNil *url.Error
	b := newBackend(always(reply{err: typedNil}))
	x := &exporter{takes: func(context.Context, []string) error { return typedNil }}
	for name, queue := range map[string]func() *delivery.Queue[string]{
		"Sender":          func() *delivery.Queue[string] { _, q := newQueue(b); return q },
		"custom exporter": func() *delivery.Queue[string] { return newItemQueue(x) },
	} {
		synctest.Test(t, func(t *testing.T) {
			q := queue()
			push(q, "a")
			for _, flush := range []func(context.Context) error{q.Flush, q.Shutdown} {
				if err := flush(within(t, time.Second)); err == nil || !strings.Contains(err.Error(), "*url.Error") {
					t.Errorf("%s: %v, want an error that names the type", name, err)
				}
			}
			wantStats(t, q, delivery.Stats{Ended: 1, Pending: 1})
		})
	}
}

// curious is an error that calls the queue.
type curious struct{ q *delivery.Queue[string] }

func (e curious) Error() string { return e.q.Stats().Breaker.String() }

// TestForeignCodeMayCallTheQueue asserts that no lock is held while an error is formatted or Config.DropError runs.
func TestForeignCodeMayCallTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q *delivery.Queue[string]
		x := &exporter{}
		x.takes = func(context.Context, []string) error { time.Sleep(10 * ms); return curious{q} }
		q = newItemQueue(x, func(c *delivery.Config) {
			c.DropError = func(d delivery.Dropped, cause error) error { return &dropError{q.Stats().Dropped, cause} }
		})
		push(q, "a")
		for range 3 {
			if _, err := flush(t, q, time.Second); err == nil {
				t.Error("no error")
			}
			synctest.Wait()
		}
		push(q, numbers(100)...)
		if _, err := flush(t, q, time.Second); dropsIn(err) != 1 {
			t.Errorf("%v, want a drop", err)
		}
	})
}

// Test413IsAnAnswer asserts that a backend that refuses a size, and then does not answer a smaller request, is up.
func Test413IsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(func(r request) reply {
			if strings.Contains(r.items, ",") {
				return tooLarge
			}
			return hangs
		})
		_, q := newQueue(b)
		push(q, strings.Repeat("a", 100<<10), strings.Repeat("b", 100<<10))
		_, err := flush(t, q, time.Second)
		synctest.Wait()
		if got := q.Stats().Breaker; err == nil || got != breaker.Closed || len(b.log()) != 2 {
			t.Errorf("%v, breaker %v after %d requests, want a closed one", err, got, len(b.log()))
		}
		wantStats(t, q, delivery.Stats{Ended: 2, Pending: 2})
	})
}

// TestLastChanceLiftsExportTimeout asserts that Config.Timeout does not end an attempt in the last moments, neither one
// under way nor a new one.
func TestLastChanceLiftsExportTimeout(t *testing.T) {
	short := []func(*delivery.Config){func(c *delivery.Config) { c.Timeout = 100 * ms }}
	slow := func() *backend { return newBackend(always(accepts.in(300 * ms))) }
	forLastChances(t, slow, short,
		func(t *testing.T, b *backend, q *delivery.Queue[string], last func(time.Duration) error) {
			push(q, "a")
			running := async(func() error { return q.Flush(within(t, time.Second)) })
			time.Sleep(50 * ms)
			begin := time.Now()
			wantNil(t, "the last flush", last(450*ms))
			wantTook(t, "it", time.Since(begin), 250*ms)
			wantNil(t, "the flush under way", <-running)
			wantBodies(t, b, "a")
		})
	forLastChances(t, slow, short,
		func(t *testing.T, b *backend, q *delivery.Queue[string], last func(time.Duration) error) {
			push(q, "a")
			begin := time.Now()
			wantNil(t, "the last flush", last(450*ms))
			wantTook(t, "it", time.Since(begin), 300*ms)
			wantBodies(t, b, "a")
		})
}

// TestFlushWithoutDeadlineEnds asserts that a caller without a deadline waits for Config.Timeout in all, however many
// batches there are.
func TestFlushWithoutDeadlineEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exporter{takes: func(context.Context, []string) error { time.Sleep(600 * ms); return nil }}
		q := newItemQueue(x, batchSize(1), func(c *delivery.Config) { c.Timeout = time.Second })
		push(q, numbers(5)...)
		begin := time.Now()
		if err := q.Flush(context.Background()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("flush: %v", err)
		}
		wantTook(t, "flush", time.Since(begin), time.Second)
		synctest.Wait()
		time.Sleep(time.Second)
	})
}

// TestLastChanceHonorsRetryAfterThatFits asserts one rule for a flush that is under way and for one that begins then:
// it waits as the backend asks if the time suffices, and otherwise does not wait.
func TestLastChanceHonorsRetryAfterThatFits(t *testing.T) {
	for _, c := range []struct{ asked, took time.Duration }{{300 * ms, 200 * ms}, {time.Second, 0}} {
		for _, underWay := range []bool{true, false} {
			forLastChances(t, func() *backend { return newBackend(script(retryAfter(c.asked))) }, nil,
				func(t *testing.T, b *backend, q *delivery.Queue[string], last func(time.Duration) error) {
					push(q, "a")
					patience := 10 * ms
					if underWay {
						patience = 2 * time.Second
					}
					running := async(func() error { return q.Flush(within(t, patience)) })
					time.Sleep(100 * ms)
					begin := time.Now()
					wantNil(t, "the last flush", last(450*ms))
					wantTook(t, "it", time.Since(begin), c.took)
					if err := <-running; (err == nil) != underWay {
						t.Errorf("the first flush: %v", err)
					}
					wantBodies(t, b, "a", "a")
				})
		}
	}
}

// TestAnswerToAHedgedRequestCounts asserts that a Retry-After counts if the second request gets no answer.
func TestAnswerToAHedgedRequestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(script(retryAfter(10*time.Second).in(300*ms), hangs))
		e, q := newQueue(b, hedged)
		push(q, "a")
		e.SetExitDeadline(time.Now().Add(450 * ms))
		if _, err := flush(t, q, 450*ms); err == nil {
			t.Error("no error")
		}
		synctest.Wait()
		time.Sleep(time.Second)
		if _, err := flush(t, q, time.Second); err == nil || !strings.Contains(err.Error(), "Retry-After") || len(b.log()) != 2 {
			t.Errorf("after the exit deadline: %v, %d requests", err, len(b.log()))
		}
	})
}

// TestRetryAfterIsNamed asserts that an error tells that the backend wants no request, and why.
func TestRetryAfterIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, q := newQueue(newBackend(always(retryAfter(time.Minute))))
		push(q, "a")
		want := "flush spans: the backend asked for a pause of 1m0s (Retry-After); last failure: 503 Service Unavailable; 1 kept"
		for range 3 {
			_, err := flush(t, q, time.Second)
			if err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
			time.Sleep(time.Second)
		}
	})
}
