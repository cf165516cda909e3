package flushcalls

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/internal/bounded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clocked is Calls whose calls take as long as the test says.
type clocked struct {
	*Calls

	takes  time.Duration
	begins []time.Duration // since the test began
	limits []time.Duration // until the context's deadline, for each call
	opened time.Time
	kinds  []Kind
}

func newClocked(takes time.Duration) *clocked {
	a := &clocked{takes: takes, opened: time.Now()}
	a.Calls = New(context.Background(), func(ctx context.Context, kind Kind) error {
		a.kinds = append(a.kinds, kind)
		deadline, _ := ctx.Deadline()
		a.begins = append(a.begins, time.Since(a.opened))
		a.limits = append(a.limits, time.Until(deadline))
		timer := time.NewTimer(a.takes)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return a
}

// in asks for a flush that may take d.
func (a *clocked) in(d time.Duration) error { return a.Flush(time.Now().Add(d), Regular) }

func TestRequestsDuringACallShareTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newClocked(100 * time.Millisecond)
		errs := make(chan error)
		for i := range 10 {
			go func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond) // all while the first is under way
				errs <- a.Flush(time.Now().Add(time.Duration(i+1)*time.Second), i == 5)
			}()
		}
		for range 10 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if len(a.begins) != 2 || a.begins[0] != 0 || a.begins[1] != 100*time.Millisecond {
			t.Fatalf("calls began at %v", a.begins)
		}
		if a.kinds[0] != Regular || a.kinds[1] != Forced {
			t.Errorf("kinds %v, want a forced call for the one request that is", a.kinds)
		}
		// The second has the time of the one among its requests that has the most: 10s, asked for at 90ms.
		if a.limits[0] != time.Second || a.limits[1] != 10*time.Second-10*time.Millisecond {
			t.Errorf("time limits %v", a.limits)
		}
	})
}

func TestFlushReturnsAtItsOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newClocked(time.Minute)
		go func() { _ = a.in(time.Minute) }()
		synctest.Wait()
		began := time.Now()
		if err := a.in(time.Second); !errors.Is(err, bounded.ErrNotReturned) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != time.Second+budget.CallGrace {
			t.Errorf("waited %v", took)
		}
		time.Sleep(time.Minute)
		if len(a.begins) != 1 {
			t.Error("a call was made for a request that had timed out")
		}
	})
}

// TestLimit has the last call end 300 ms after the shutdown's beginning. What the call under way gets of that
// depends on how long it has been so; the one after it has the rest.
func TestLimit(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct{ since, gets time.Duration }{
		{0, 300 * ms}, {50 * ms, 250 * ms}, {150 * ms, 150 * ms}, {time.Second, 150 * ms}, {time.Hour, 150 * ms},
	} {
		t.Run(tt.since.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newClocked(2 * time.Hour) // the backend hangs
				first := make(chan time.Time, 1)
				go func() { _ = a.in(2 * time.Hour); first <- time.Now() }()
				synctest.Wait()
				time.Sleep(tt.since)
				now := time.Now()
				a.Limit(now.Add(300*ms), now.Add(330*ms))
				if err := a.Flush(now.Add(time.Minute), Forced); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
				if got := time.Since(now); got != 330*ms {
					t.Errorf("over after %v", got)
				}
				if got := (<-first).Sub(now); got != tt.gets {
					t.Errorf("the call under way gets %v, want %v", got, tt.gets)
				}
				if rest := 330*ms - tt.gets; len(a.limits) != 2 || a.limits[1] != rest {
					t.Errorf("time limits %v", a.limits)
				}
			})
		})
	}
}
