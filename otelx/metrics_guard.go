package otelx

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
)

// guardPatience is how long a call into the meter provider may hold a flush.
const guardPatience = 100 * time.Millisecond

// errMeterStuck is made where it is needed: in a variable it would be the first use of fmt at the start of every process.
func errMeterStuck() error {
	return fmt.Errorf("the meter provider did not return within %s", guardPatience)
}

// guard makes a meter provider safe to call: a panic is an error, and a call that does not return is left behind. While
// one that was left behind has not returned, no other is made.
type guard struct {
	left atomic.Int32 // calls left behind that have not returned
	once sync.Once    // of the report of a failure
}

// call runs f in a goroutine of its own and waits for it, guardPatience at most.
func (g *guard) call(f func()) error {
	if g.left.Load() > 0 {
		return errMeterStuck()
	}
	done := make(chan error, 1)
	go report(f, done)
	timer := time.NewTimer(guardPatience)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
	}
	g.left.Add(1)
	go func() { // ends when the call does
		for range done {
		}
		g.left.Add(-1)
	}()
	return errMeterStuck()
}

// tell is call where nobody hears of the error: the first goes to otel.Handle.
func (g *guard) tell(f func()) {
	if err := g.call(f); err != nil {
		g.once.Do(func() { otel.Handle(fmt.Errorf("otelx: metrics of the export are incomplete: %w", err)) })
	}
}

// report runs f, sends what became of it (nil, a panic or runtime.Goexit), and closes done.
func report(f func(), done chan<- error) {
	defer close(done)
	err := errors.New("the meter provider ended its goroutine")
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the meter provider panicked: %v", p)
		}
		done <- err
	}()
	f()
	err = nil
}
