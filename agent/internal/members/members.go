// Package members calls the Flushers that the agent was given, in order. A member may panic, hang or fail: its error
// names it, and the others keep their time.
package members

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/counts"
)

// Flusher is agent.Flusher, which has the contract.
type Flusher interface {
	ForceFlush(ctx context.Context) error
	Shutdown(ctx context.Context) error
}

// Pipeline is agent.Pipeline, which has the contract.
type Pipeline interface {
	Flusher
	Flush(ctx context.Context) error
	Pending() (n int, flushNow bool)
	SetBackgroundExport(on bool)
	EndOpenSpans(roots [][8]byte, errorType, reason string) int
	SetExitDeadline(t time.Time)
	SpillPending(ctx context.Context) int
	Counts() []counts.Signal
}

const (
	// slowAfter timeouts in a row make a member of a MultiFlusher slow.
	slowAfter = 2

	// slowTimeout is the time that a slow member gets of a flush, and the time that every other member leaves for each
	// member after it.
	slowTimeout = 100 * time.Millisecond
)

// Named is a Flusher with the name that its errors carry.
type Named struct {
	Flusher

	Name string
}

// List is a [Flusher] that calls its members one after another, whether or not an earlier one fails. Each may use the
// time that is left, less slowTimeout for each member after it, or less their equal share if that is shorter.
//
// Every method returns CallGrace after its context has ended at the latest. The methods of Pipeline concern the members
// that are one, and join the errors.
type List []*member

// member is a Flusher that the agent calls safely: a panic is an error, and a call that outlasts its context is
// abandoned.
type member struct {
	Named

	pipeline Pipeline     // nil if the Flusher is none
	slots    bounded.Slot // of ForceFlush, Flush and Pending: abandoned calls do not pile up
	timeouts atomic.Int32 // of ForceFlush and Flush, in a row
}

// With returns the list with f at its end: nothing for a nil f, the members of f if it is a List.
func (l List) With(f Flusher) List {
	name := ""
	for n, ok := f.(Named); ok; n, ok = f.(Named) {
		f, name = n.Flusher, n.Name
	}
	switch f := f.(type) {
	case nil:
		return l
	case List:
		return append(l, f...)
	}
	if name == "" {
		name = fmt.Sprintf("%T", f)
	}
	m := &member{Named: Named{f, name}}
	m.pipeline, _ = f.(Pipeline)
	return append(l, m)
}

// each calls fn for the members in order, with the time of each, and joins the errors.
func (l List) each(ctx context.Context, fn func(context.Context, *member) error) error {
	var errs []error
	for i, m := range l {
		err := withTime(ctx, len(l)-1-i, m, fn)
		if err != nil && len(l) > 1 {
			err = fmt.Errorf("%s: %w", m.Name, err)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// withTime calls fn for a member with a context that leaves time for the members after it.
func withTime(ctx context.Context, after int, m *member, fn func(context.Context, *member) error) error {
	end, ok := ctx.Deadline()
	if after == 0 || !ok {
		return fn(ctx, m)
	}
	left := max(time.Until(end), 0)
	reserve := min(time.Duration(after)*slowTimeout, left*time.Duration(after)/time.Duration(after+1))
	ctx, cancel := context.WithDeadline(ctx, end.Add(-reserve))
	defer cancel()
	return fn(ctx, m)
}

// ForceFlush calls ForceFlush of the members. A slow member of several gets slowTimeout.
func (l List) ForceFlush(ctx context.Context) error {
	return l.flush(ctx, func(ctx context.Context, m *member) error { return m.ForceFlush(ctx) })
}

// Flush calls Flush of the members that are a Pipeline, and ForceFlush of the others, as ForceFlush does.
func (l List) Flush(ctx context.Context) error {
	return l.flush(ctx, func(ctx context.Context, m *member) error {
		if m.pipeline == nil {
			return m.ForceFlush(ctx)
		}
		return m.pipeline.Flush(ctx)
	})
}

func (l List) flush(ctx context.Context, fn func(context.Context, *member) error) error {
	return l.each(ctx, func(ctx context.Context, m *member) error {
		if len(l) > 1 && m.timeouts.Load() >= slowAfter {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, slowTimeout)
			defer cancel()
		}
		err := m.slots.Call(ctx, budget.CallGrace, func(ctx context.Context) error { return fn(ctx, m) })
		m.recordTimeout(ctx, err)
		return err
	})
}

// recordTimeout counts the timeouts in a row. Once there are slowAfter of them, only a success ends the row.
func (m *member) recordTimeout(ctx context.Context, err error) {
	//nolint:errorlint // the methods of the member's own errors are foreign code
	timedOut := ctx.Err() == context.DeadlineExceeded || err == bounded.ErrNotReturned || err == bounded.ErrStillRunning
	switch {
	case err == nil:
		m.timeouts.Store(0)
	case timedOut:
		m.timeouts.Add(1)
	case m.timeouts.Load() < slowAfter:
		m.timeouts.Store(0)
	}
}

// Shutdown calls Shutdown of the members, also of one whose ForceFlush hangs: there is no later chance.
func (l List) Shutdown(ctx context.Context) error {
	return l.each(ctx, func(ctx context.Context, m *member) error {
		return new(bounded.Slot).Call(ctx, budget.CallGrace, m.Shutdown)
	})
}
