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

// destinations are a Sender and a custom exporter that run fault.
func destinations(fault func() error) map[string]func() *delivery.Queue[string] {
	return map[string]func() *delivery.Queue[string]{
		"Sender": func() *delivery.Queue[string] {
			return addQueue(delivery.NewEngine(faulty{newBackend(nil), fault}, delivery.NewResources(1<<20)), batchSize(1))
		},
		"hedging Sender": func() *delivery.Queue[string] {
			return addQueue(delivery.NewEngine(faulty{newBackend(nil), fault}, delivery.NewResources(1<<20)), batchSize(1), hedged)
		},
		"custom exporter": func() *delivery.Queue[string] {
			return newItemQueue(&exporter{takes: func(context.Context, []string) error { return fault() }}, batchSize(1))
		},
	}
}

// faulty is a Sender that runs a fault instead.
type faulty struct {
	*backend
	fault func() error
}

func (f faulty) Send(context.Context, delivery.Signal, []byte) (delivery.Result, error) {
	return delivery.Result{}, f.fault()
}

// TestPanicsDropTheirBatch asserts that a panic and runtime.Goexit do not reach the caller and drop the batch that
// caused them.
func TestPanicsDropTheirBatch(t *testing.T) {
	n := 0
	for name, fault := range map[string]func(){"panics": func() { panic("boom") }, "ends its goroutine": runtime.Goexit} {
		for what, queue := range destinations(func() error {
			if n++; n == 1 {
				fault()
			}
			return nil
		}) {
			synctest.Test(t, func(t *testing.T) {
				n = 0
				q := queue()
				push(q, "bad")
				if _, err := flush(t, q, time.Second); dropsIn(err) != 1 {
					t.Errorf("%s that %s: %v", what, name, err)
				}
				push(q, "good")
				wantNil(t, "shutdown", q.Shutdown(t.Context()))
				wantStats(t, q, delivery.Stats{Ended: 2, Exported: 1, Dropped: delivery.Dropped{Refused: 1}})
			})
		}
	}
}

// TestErrorsAreFailures asserts that an error counts even if a Sender breaks its contract, or if its methods panic.
func TestErrorsAreFailures(t *testing.T) {
	var typedNil *url.Error
	for text, fault := range map[string]error{"*url.Error": typedNil, errDown.Error(): errDown} {
		for what, queue := range destinations(func() error { return fault }) {
			synctest.Test(t, func(t *testing.T) {
				q := queue()
				push(q, "a")
				for _, flush := range []func(context.Context) error{q.Flush, q.Shutdown} {
					if err := flush(within(t, time.Second)); err == nil || !strings.Contains(err.Error(), text) {
						t.Errorf("%s: %v, want an error with %q", what, err, text)
					}
				}
				wantStats(t, q, delivery.Stats{Ended: 1, Pending: 1})
			})
		}
	}
}

// TestDestinationThatHangs asserts that one which ignores its context keeps no caller for longer than its own context,
// and is closed when it has returned. A custom exporter is never called twice at once.
func TestDestinationThatHangs(t *testing.T) {
	b := newBackend(always(reply{hangs: true, deaf: true}))
	release := make(chan struct{})
	x := &exporter{takes: func(context.Context, []string) error { <-release; return errDown }}
	for what, queue := range map[string]func() (*delivery.Queue[string], func() (calls, closes int)){
		"Sender": func() (*delivery.Queue[string], func() (calls, closes int)) {
			_, q := newQueue(b, hedged)
			return q, func() (calls, closes int) { return 1, b.closed() }
		},
		"custom exporter": func() (*delivery.Queue[string], func() (calls, closes int)) {
			return newItemQueue(x), func() (int, int) { calls, _, closes := x.got(); return len(calls), closes }
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			b.released, release = make(chan struct{}), make(chan struct{})
			q, got := queue()
			push(q, "a")
			took, err := flush(t, q, time.Second)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: flush: %v", what, err)
			}
			wantTook(t, "flush", took, time.Second)
			for range 3 {
				if took, err := flush(t, q, time.Second); err == nil || took > 300*ms {
					t.Errorf("%s: a later flush: %v after %v", what, err, took)
				}
			}
			if err := q.Shutdown(within(t, 500*ms)); err == nil {
				t.Errorf("%s: shutdown: no error", what)
			}
			time.Sleep(time.Second)
			if calls, closes := got(); calls != 1 || closes != 0 {
				t.Errorf("%s: %d calls, closed %d times", what, calls, closes)
			}
			close(b.released)
			close(release)
			time.Sleep(time.Second)
			if _, closes := got(); closes != 1 {
				t.Errorf("%s: closed %d times", what, closes)
			}
			wantStats(t, q, delivery.Stats{Ended: 1, Pending: 1})
		})
	}
	b.check(t)
	x.check(t)
}

// TestBodyOfALateSender asserts that the body of a request stays unchanged for as long as a Sender that has not
// returned in time may read it, also if a hedged request has delivered it.
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

// TestCallsWithoutDeadlineEnd asserts that Flush and Shutdown have Config.Timeout in all if their context has no
// deadline, however many batches there are, and even with an exporter that never returns.
func TestCallsWithoutDeadlineEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		n := 0
		x := &exporter{takes: func(context.Context, []string) error {
			if n++; n > 3 {
				<-release
			}
			time.Sleep(600 * ms)
			return nil
		}}
		q := newItemQueue(x, batchSize(1), func(c *delivery.Config) { c.Timeout = time.Second })
		push(q, numbers(5)...)
		for _, call := range []func(context.Context) error{q.Flush, q.Shutdown} {
			begin := time.Now()
			if err := call(context.Background()); err == nil {
				t.Error("no error")
			}
			if took := time.Since(begin); took > time.Second {
				t.Errorf("took %v", took)
			}
		}
		close(release)
		time.Sleep(10 * time.Second)
		x.check(t)
	})
}
