package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// TestDeafSender asserts that a Sender that ignores its context keeps no caller, and that Close waits for it.
func TestDeafSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(reply{hangs: true, deaf: true}))
		_, q := newQueue(b)
		push(q, "a")
		took, err := flush(t, q, time.Second)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("flush: %v", err)
		}
		wantTook(t, "flush", took, time.Second)
		took, err = flush(t, q, time.Second)
		if err == nil || took > 300*ms {
			t.Errorf("the next: %v after %v", err, took)
		}
		if err := q.Shutdown(within(t, 400*ms)); err == nil {
			t.Error("shutdown: no error")
		}
		time.Sleep(time.Second)
		if n := b.closed(); n != 0 {
			t.Error("closed during a Send")
		}
		close(b.released)
		time.Sleep(time.Second)
		if n := b.closed(); n != 1 {
			t.Errorf("closed %d times", n)
		}
		b.check(t)
	})
}

// panicking is a Sender that panics or ends its goroutine.
type panicking struct {
	*backend
	fault func()
}

func (p panicking) Send(context.Context, delivery.Signal, []byte) (delivery.Result, error) {
	p.fault()
	return delivery.Result{}, nil
}

func TestPanickingSender(t *testing.T) {
	for name, fault := range map[string]func(){"panics": func() { panic("boom") }, "ends its goroutine": runtime.Goexit} {
		for _, hedge := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				e := delivery.NewEngine(panicking{newBackend(nil), fault}, delivery.NewResources(1<<20))
				q := addQueue(e, func(c *delivery.Config) { c.Hedge = hedge })
				push(q, "a")
				if _, err := flush(t, q, time.Second); dropsIn(err) != 1 {
					t.Errorf("%s: %v", name, err)
				}
				wantStats(t, q, delivery.Stats{Ended: 1, Dropped: delivery.Dropped{Refused: 1}})
				wantNil(t, "shutdown", q.Shutdown(t.Context()))
			})
		}
	}
}

// TestBodyOfALateSender asserts that the body of a request stays unchanged for as long as a Sender that has not returned
// in time may read it, also if a hedged request has delivered it.
func TestBodyOfALateSender(t *testing.T) {
	for _, hedge := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(script(reply{hangs: true, deaf: true}))
			e, q := newQueue(b, func(c *delivery.Config) { c.Hedge = hedge })
			push(q, "first")
			if hedge {
				e.SetExitDeadline(time.Now().Add(time.Second))
			}
			if _, err := flush(t, q, time.Second); (err == nil) != hedge {
				t.Errorf("hedged: %v; the first flush: %v", hedge, err)
			}
			for i := range 20 {
				push(q, fmt.Sprintf("other %d", i))
				time.Sleep(time.Minute)
				_, err := flush(t, q, time.Second)
				wantNil(t, "a later flush", err)
			}
			close(b.released)
			synctest.Wait()
			b.check(t)
		})
	}
}

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
			c.DropError = func(_ delivery.Dropped, cause error) error { return &dropError{q.Stats().Dropped, cause} }
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
