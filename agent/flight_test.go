package agent

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// airport is flights whose calls take as long as the test says.
type airport struct {
	flights

	takes  time.Duration
	begins []time.Duration // since the airport was opened
	limits []time.Duration // until the context's deadline, for each call
	opened time.Time
}

func newAirport(takes time.Duration) *airport {
	a := &airport{takes: takes, opened: time.Now()}
	a.base = context.Background()
	a.call = func(ctx context.Context) error {
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
	}
	return a
}

// in asks for a flush that may take d.
func (a *airport) in(d time.Duration) error { return a.flush(time.Now().Add(d)) }

func TestFlightsServeWhoAsksMeanwhileWithOneMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAirport(100 * time.Millisecond)
		errs := make(chan error)
		for i := range 10 {
			go func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond) // all while the first is under way
				errs <- a.in(time.Duration(i+1) * time.Second)
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
		// The second has the time of the one among its passengers who has the most: 10s, asked for at 90ms.
		if a.limits[0] != time.Second || a.limits[1] != 10*time.Second-10*time.Millisecond {
			t.Errorf("time limits %v", a.limits)
		}
	})
}

func TestFlightIsNotWaitedForBeyondOnesOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAirport(time.Minute)
		go func() { _ = a.in(time.Minute) }()
		synctest.Wait()
		began := time.Now()
		if err := a.in(time.Second); !errors.Is(err, errStuck) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != time.Second+straggle {
			t.Errorf("waited %v", took)
		}
		time.Sleep(time.Minute)
		if len(a.begins) != 1 {
			t.Error("a call was made for one who had gone")
		}
	})
}

// TestHurry has the last flight end 300 ms after the shutdown's beginning. What the flight under way gets of that
// depends on how long it has been so; the one after it has the rest.
func TestHurry(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct{ since, gets time.Duration }{
		{0, 300 * ms}, {50 * ms, 250 * ms}, {150 * ms, 150 * ms}, {time.Second, 150 * ms}, {time.Hour, 150 * ms},
	} {
		t.Run(tt.since.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAirport(2 * time.Hour) // the backend hangs
				first := make(chan time.Time, 1)
				go func() { _ = a.in(2 * time.Hour); first <- time.Now() }()
				synctest.Wait()
				time.Sleep(tt.since)
				now := time.Now()
				a.hurry(now.Add(300*ms), now.Add(330*ms))
				if err := a.flush(now.Add(time.Minute)); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
				if got := time.Since(now); got != 330*ms {
					t.Errorf("over after %v", got)
				}
				if got := (<-first).Sub(now); got != tt.gets {
					t.Errorf("the flight under way gets %v, want %v", got, tt.gets)
				}
				if rest := 330*ms - tt.gets; len(a.limits) != 2 || a.limits[1] != rest {
					t.Errorf("time limits %v", a.limits)
				}
			})
		})
	}
}

func TestGroundedFlightsDoNotBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAirport(100 * time.Millisecond)
		flying, waiting := make(chan error, 1), make(chan error, 1)
		go func() { flying <- a.in(time.Second) }()
		synctest.Wait()
		go func() { waiting <- a.in(time.Second) }()
		synctest.Wait()
		a.ground()
		if err := <-flying; err != nil {
			t.Errorf("the one under way: %v", err)
		}
		if err := <-waiting; !errors.Is(err, errGrounded) {
			t.Errorf("the one that waits: %v", err)
		}
		if err := a.in(time.Second); !errors.Is(err, errGrounded) {
			t.Errorf("afterwards: %v", err)
		}
		if len(a.begins) != 1 {
			t.Errorf("%d calls", len(a.begins))
		}
	})
}

// What flies beside a call belongs to its flight: the next one waits for it.
func TestFlightsWaitForWhatIsBeside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ms = time.Millisecond
		a := newAirport(50 * ms)
		now := time.Now()
		beside := func(ctx context.Context) { <-ctx.Done() }
		var limits []time.Duration
		count := func(ctx context.Context) {
			d, _ := ctx.Deadline()
			limits = append(limits, d.Sub(now))
		}
		a.board(now.Add(200*ms), beside)
		a.board(now.Add(300 * ms))
		a.board(now.Add(400*ms), count)
		if err := a.flush(now.Add(time.Second)); err != nil {
			t.Error(err)
		}
		if got := time.Since(now); got != 250*ms {
			t.Errorf("the second is over after %v", got)
		}
		if len(limits) != 1 || limits[0] != time.Second {
			t.Errorf("limits %v", limits)
		}
	})
}
