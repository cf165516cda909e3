package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/epilogue-go/epilogue/internal/counts"
)

const (
	// slowAfter timeouts in a row make a member of a MultiFlusher slow.
	slowAfter = 2

	// slowTimeout is the time that a slow member gets of a flush, and the time that every other member leaves for each
	// member after it.
	slowTimeout = 100 * time.Millisecond
)

// MultiFlusher joins several flushers, such as traces and metrics of different libraries. It ignores nil flushers, so
// MultiFlusher() flushes nothing.
//
// It calls its members in the order given, one after another, whether or not an earlier one fails. Each may use the
// time that is left, less 100 ms for each member after it, or less their equal share if that is shorter. A member whose
// ForceFlush timed out twice in a row gets 100 ms until it succeeds. Errors name the member: by the name that [Named]
// gave it, or else by its type.
//
// A member that does not return in time is abandoned, and its ForceFlush is not called again before it has returned.
// Members that are a [Pipeline] are used as such by [Start].
func MultiFlusher(flushers ...Flusher) Flusher { return newMulti(flushers...) }

// Named gives a member of a [MultiFlusher] the name that its errors carry.
func Named(name string, f Flusher) Flusher {
	if f == nil {
		return nil
	}
	return named{f, name}
}

type named struct {
	Flusher
	name string
}

// multi calls its members in order.
type multi []*member

func newMulti(flushers ...Flusher) (all multi) {
	for _, f := range flushers {
		name := ""
		for n, ok := f.(named); ok; n, ok = f.(named) {
			f, name = n.Flusher, n.name
		}
		switch f := f.(type) {
		case nil:
		case multi:
			all = append(all, f...)
		default:
			all = append(all, newMember(name, f))
		}
	}
	return all
}

func (m multi) ForceFlush(ctx context.Context) error {
	return m.each(ctx, func(ctx context.Context, one *member) error {
		if len(m) > 1 && one.isSlow() {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, slowTimeout)
			defer cancel()
		}
		return one.forceFlush(ctx)
	})
}

func (m multi) Shutdown(ctx context.Context) error {
	return m.each(ctx, func(ctx context.Context, one *member) error { return one.shutdown(ctx) })
}

// each calls fn for the members in order, with the time of each, and joins the errors.
func (m multi) each(ctx context.Context, fn func(context.Context, *member) error) (errs error) {
	for i, one := range m {
		err := m.withTime(ctx, i, one, fn)
		if err != nil && len(m) > 1 {
			err = fmt.Errorf("%s: %w", one.name, err)
		}
		errs = errors.Join(errs, err)
	}
	return errs
}

// withTime calls fn for the i-th member with a context that leaves time for those after it.
func (m multi) withTime(ctx context.Context, i int, one *member, fn func(context.Context, *member) error) error {
	after := len(m) - 1 - i
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

// pending adds up the pending items.
func (m multi) pending(ctx context.Context) (n int, flushNow bool) {
	for _, one := range m {
		p := one.pending(ctx)
		n, flushNow = n+p.n, flushNow || p.flushNow
	}
	return n, flushNow
}

func (m multi) setBackgroundExport(ctx context.Context, on bool) error {
	return m.each(ctx, func(ctx context.Context, one *member) error { return one.setBackgroundExport(ctx, on) })
}

func (m multi) setExitDeadline(ctx context.Context, t time.Time) error {
	return m.each(ctx, func(ctx context.Context, one *member) error { return one.setExitDeadline(ctx, t) })
}

// endOpenSpans returns how many spans the members have ended.
func (m multi) endOpenSpans(ctx context.Context, roots [][8]byte, errorType, reason string) (sum int, err error) {
	err = m.each(ctx, func(ctx context.Context, one *member) error {
		n, err := one.endOpenSpans(ctx, roots, errorType, reason)
		sum += n
		return err
	})
	return sum, err
}

// spillPending returns how many items the members have written.
func (m multi) spillPending(ctx context.Context) (sum int, err error) {
	err = m.each(ctx, func(ctx context.Context, one *member) error {
		n, err := one.spillPending(ctx)
		sum += n
		return err
	})
	return sum, err
}

// counts returns the counts of each signal, summed over the members, in the order in which the signals first come.
func (m multi) counts(ctx context.Context) (all []counts.Signal, err error) {
	err = m.each(ctx, func(ctx context.Context, one *member) error {
		signals, err := one.counts(ctx)
		for _, s := range signals {
			all = addSignal(all, s)
		}
		return err
	})
	return all, err
}

// addSignal adds s to the signal of its name.
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
			return all
		}
	}
	return append(all, s)
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
