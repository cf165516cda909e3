package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// reports collects the errors that a callback gets.
type reports struct {
	mu   sync.Mutex
	errs []string
}

func (r *reports) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, fmt.Sprint(err))
}

func (r *reports) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.errs)
}

func (r *reports) onError(c *delivery.Config) { c.OnError = r.add }

// TestErrorsGoToOnePlace asserts that a caller's error is not reported to OnError as well.
func TestErrorsGoToOnePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(later.in(100 * ms)))
		var r reports
		_, q := newQueue(b, r.onError, capacity(4))
		q.SetBackgroundExport(true)
		push(q, "a", "b") // begins a background flush
		if _, err := flush(t, q, time.Second); !errors.Is(err, later.err) {
			t.Errorf("flush: %v", err)
		}
		q.SetBackgroundExport(false)
		synctest.Wait()
		if got := r.all(); len(got) != 0 {
			t.Errorf("reported as well: %q", got)
		}
	})
}

// TestDropsOfAServiceAreReported asserts that OnError gets drops if no caller flushes, and that the backend's message
// about rejected items goes to OnPartialSuccess alone.
func TestDropsOfAServiceAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		partial := accepts
		partial.result.Rejected, partial.result.Message = 1, "no tenant"
		b := newBackend(script(accepts.in(100*ms), refuses, partial))
		var remarks, failures reports
		_, q := newQueue(b, capacity(4), failures.onError, func(c *delivery.Config) { c.OnPartialSuccess = remarks.add })
		q.SetBackgroundExport(true)
		push(q, "a", "b")
		push(q, "c", "d", "e", "f", "g") // two fit, c, d and e leave
		time.Sleep(2 * time.Second)
		push(q, "h", "i")
		time.Sleep(2 * time.Second)
		wantSorted(t, "reported", failures.all(), "3 spans dropped: the queue was full", "export spans: 400 Bad Request")
		wantSorted(t, "remarks", remarks.all(), `the backend rejected 1 of 2 spans: "no tenant"`)
	})
}

// TestHints asserts that a hint is given to its callback with its key.
func TestHints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hinted := later
		hinted.result.Hint, hinted.result.HintKey = "set AWS_REGION", "region"
		var r reports
		_, q := newQueue(newBackend(always(hinted)), func(c *delivery.Config) {
			c.OnHint = func(key string, err error) { r.add(fmt.Errorf("%s: %w", key, err)) }
		})
		push(q, "a")
		_, _ = flush(t, q, time.Second)
		wantSorted(t, "hints", r.all(), "region: no credentials; set AWS_REGION")
	})
}

// TestCallbackThatMisbehaves asserts that a callback that blocks, panics or ends its goroutine does not end the
// process, and costs flushes and the shutdown 20 ms once.
func TestCallbackThatMisbehaves(t *testing.T) {
	release := make(chan struct{})
	for name, fault := range map[string]func(){
		"blocks": func() { <-release }, "panics": func() { panic("boom") }, "ends its goroutine": runtime.Goexit,
	} {
		synctest.Test(t, func(t *testing.T) {
			release = make(chan struct{})
			reply := accepts
			reply.result.Message, reply.result.Hint, reply.result.HintKey, reply.err = "soon gone", "upgrade", "upgrade", nil
			b := newBackend(always(reply))
			_, q := newQueue(b, func(c *delivery.Config) {
				c.OnExport = func(delivery.Export) { fault() }
				c.OnHint = func(string, error) { fault() }
				c.OnPartialSuccess = func(error) { fault() }
				c.OnError = func(error) { fault() }
			})
			begin := time.Now()
			for range 3 {
				push(q, "a")
				_, err := flush(t, q, time.Second)
				wantNil(t, name, err)
			}
			push(q, numbers(60)...) // in the background
			time.Sleep(time.Second)
			push(q, "last")
			wantNil(t, name, q.Shutdown(within(t, 450*ms)))
			if took := time.Since(begin); took > time.Second+20*ms {
				t.Errorf("a callback that %s costs %v", name, took-time.Second)
			}
			wantStats(t, q, delivery.Stats{Ended: 64, Exported: 64})
			if n := b.closed(); n != 1 {
				t.Errorf("closed %d times", n)
			}
			close(release)
		})
	}
}

// curious is an error that calls the queue.
type curious struct{ q *delivery.Queue[string] }

func (e curious) Error() string { return e.q.Stats().Breaker.String() }

// TestForeignCodeMayCallTheQueue asserts that no lock is held during a callback, while an error is formatted, or while
// Config.DropError runs.
func TestForeignCodeMayCallTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q *delivery.Queue[string]
		var once sync.Once
		x := &exporter{}
		x.takes = func(context.Context, []string) error { time.Sleep(10 * ms); return curious{q} }
		q = newItemQueue(x, func(c *delivery.Config) {
			c.DropError = func(_ delivery.Dropped, cause error) error { return &dropError{q.Stats().Dropped, cause} }
			c.OnExport = func(delivery.Export) {
				once.Do(func() {
					push(q, "from the callback")
					_, _ = q.Pending()
					if q.Flush(within(t, time.Second)) == nil {
						t.Error("flush in a callback: no error")
					}
				})
			}
		})
		push(q, "a")
		for range 3 {
			if _, err := flush(t, q, time.Second); err == nil {
				t.Error("no error")
			}
			synctest.Wait()
		}
		push(q, numbers(100)...)
		if _, err := flush(t, q, time.Second); dropsIn(err) != 2 {
			t.Errorf("%v, want two drops", err)
		}
	})
}
