// Package members calls the Flushers that the agent was given, in order. A member may panic, hang or fail: its error
// names it, and the others keep their time.
package members

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"time"

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
	default:
		return append(l, newMember(name, f))
	}
}

// Incomplete returns the members that have some methods of Pipeline: their names, and the methods that they lack.
func (l List) Incomplete() iter.Seq2[string, string] {
	return func(yield func(name, missing string) bool) {
		for _, m := range l {
			if missing := missingMethods(m.flusher); missing != "" && !yield(m.name, missing) {
				return
			}
		}
	}
}

// ForceFlush calls ForceFlush of the members. A slow member of several gets slowTimeout.
func (l List) ForceFlush(ctx context.Context) error {
	return l.each(ctx, func(ctx context.Context, one *member) error {
		if len(l) > 1 && one.isSlow() {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, slowTimeout)
			defer cancel()
		}
		return one.forceFlush(ctx)
	})
}

// Shutdown calls Shutdown of the members.
func (l List) Shutdown(ctx context.Context) error {
	return l.each(ctx, func(ctx context.Context, one *member) error { return one.shutdown(ctx) })
}

// each calls fn for the members in order, with the time of each, and joins the errors.
func (l List) each(ctx context.Context, fn func(context.Context, *member) error) error {
	var failed callErrors
	for i, one := range l {
		err := l.withTime(ctx, i, one, fn)
		if err == nil {
			continue
		}
		failed.notReturned = failed.notReturned || isNotReturned(err)
		if len(l) > 1 {
			err = fmt.Errorf("%s: %w", one.name, err)
		}
		failed.errs = append(failed.errs, err)
	}
	if len(failed.errs) == 0 {
		return nil
	}
	return &failed
}

// withTime calls fn for the i-th member with a context that leaves time for those after it.
func (l List) withTime(ctx context.Context, i int, one *member, fn func(context.Context, *member) error) error {
	after := len(l) - 1 - i
	end, ok := ctx.Deadline()
	if after == 0 || !ok {
		return fn(ctx, one)
	}
	left := time.Until(end)
	reserve := min(time.Duration(after)*slowTimeout, left*time.Duration(after)/time.Duration(after+1))
	ctx, cancel := context.WithDeadline(ctx, end.Add(-max(reserve, 0)))
	defer cancel()
	return fn(ctx, one)
}

// Pending adds up the pending items. A member that is no Pipeline counts as one item. flushNow is true if a member fails.
func (l List) Pending(ctx context.Context) (n int, flushNow bool) {
	for _, one := range l {
		p := one.pending(ctx)
		n, flushNow = n+p.n, flushNow || p.flushNow
	}
	return n, flushNow
}

// SetBackgroundExport switches the background export of the members on or off.
func (l List) SetBackgroundExport(ctx context.Context, on bool) error {
	return l.each(ctx, func(ctx context.Context, one *member) error { return one.setBackgroundExport(ctx, on) })
}

// SetExitDeadline sets the exit deadline of the members.
func (l List) SetExitDeadline(ctx context.Context, t time.Time) error {
	return l.each(ctx, func(ctx context.Context, one *member) error { return one.setExitDeadline(ctx, t) })
}

// EndOpenSpans returns how many spans the members have ended.
func (l List) EndOpenSpans(ctx context.Context, roots [][8]byte, errorType, reason string) (sum int, err error) {
	err = l.each(ctx, func(ctx context.Context, one *member) error {
		n, err := one.endOpenSpans(ctx, roots, errorType, reason)
		sum += n
		return err
	})
	return sum, err
}

// SpillPending returns how many items the members have written.
func (l List) SpillPending(ctx context.Context) (sum int, err error) {
	err = l.each(ctx, func(ctx context.Context, one *member) error {
		n, err := one.spillPending(ctx)
		sum += n
		return err
	})
	return sum, err
}

// Counts returns the counts of each signal, summed over the members, in the order in which the signals first come.
func (l List) Counts(ctx context.Context) (all []counts.Signal, err error) {
	err = l.each(ctx, func(ctx context.Context, one *member) error {
		signals, err := one.counts(ctx)
		for _, s := range signals {
			all = addSignal(all, s)
		}
		return err
	})
	return all, err
}

// addSignal adds s to the signal of its name. It changes no map of a member.
func addSignal(all []counts.Signal, s counts.Signal) []counts.Signal {
	for i := range all {
		if sum := &all[i]; sum.Name == s.Name {
			sum.Ended += s.Ended
			sum.Exported += s.Exported
			sum.Pending += s.Pending
			sum.Dropped += s.Dropped
			sum.Spilled += s.Spilled
			sum.Superseded += s.Superseded
			sum.Reasons = addReasons(sum.Reasons, s.Reasons)
			sum.Breaker = worseBreaker(sum.Breaker, s.Breaker)
			return all
		}
	}
	s.Reasons = maps.Clone(s.Reasons)
	return append(all, s)
}

// worseBreaker returns the state that is further from closed: open, half-open, closed, none.
func worseBreaker(a, b string) string {
	for _, state := range [...]string{counts.BreakerOpen, counts.BreakerHalfOpen, counts.BreakerClosed} {
		if a == state || b == state {
			return state
		}
	}
	return a
}

// addReasons returns the sums of two divisions of drops, either of which may be nil. It changes neither.
func addReasons(a, b map[string]int64) map[string]int64 {
	if len(b) == 0 {
		return a
	}
	sum := maps.Clone(b)
	for reason, n := range a {
		sum[reason] += n
	}
	return sum
}
