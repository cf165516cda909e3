package members

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/counts"
)

// Pending adds up the pending items. A member that is no Pipeline counts as one item, and so does one that fails, which
// also means flushNow.
func (l List) Pending(ctx context.Context) (n int, flushNow bool) {
	for _, m := range l {
		if m.pipeline == nil {
			n++
			continue
		}
		var answer struct { // which an abandoned call may still change
			n        int
			flushNow bool
		}
		err := m.slots.Call(ctx, budget.CallGrace, func(context.Context) error {
			answer.n, answer.flushNow = m.pipeline.Pending()
			return nil
		})
		if err != nil {
			n, flushNow = n+1, true
			continue
		}
		n, flushNow = n+answer.n, flushNow || answer.flushNow
	}
	return n, flushNow
}

// SetBackgroundExport switches the background export of the members on or off.
func (l List) SetBackgroundExport(ctx context.Context, on bool) error {
	return ask(ctx, l, func(_ context.Context, p Pipeline) int { p.SetBackgroundExport(on); return 0 }, func(int) {})
}

// SetExitDeadline sets the exit deadline of the members.
func (l List) SetExitDeadline(ctx context.Context, t time.Time) error {
	return ask(ctx, l, func(_ context.Context, p Pipeline) int { p.SetExitDeadline(t); return 0 }, func(int) {})
}

// EndOpenSpans returns how many spans the members have ended.
func (l List) EndOpenSpans(ctx context.Context, roots [][8]byte, errorType, reason string) (sum int, err error) {
	err = ask(ctx, l, func(_ context.Context, p Pipeline) int {
		return p.EndOpenSpans(roots, errorType, reason)
	}, func(n int) { sum += n })
	return sum, err
}

// SpillPending returns how many items the members have written.
func (l List) SpillPending(ctx context.Context) (sum int, err error) {
	err = ask(ctx, l, func(ctx context.Context, p Pipeline) int { return p.SpillPending(ctx) }, func(n int) { sum += n })
	return sum, err
}

// Counts returns the counts of each signal, summed over the members, in the order in which the signals first come.
func (l List) Counts(ctx context.Context) (all []counts.Signal, err error) {
	err = ask(ctx, l, func(_ context.Context, p Pipeline) []counts.Signal { return p.Counts() }, func(signals []counts.Signal) {
		for _, s := range signals {
			all = addSignal(all, s)
		}
	})
	return all, err
}

// ask calls fn for each member that is a Pipeline, in order, and add with its answer.
func ask[T any](ctx context.Context, l List, fn func(context.Context, Pipeline) T, add func(T)) error {
	return l.each(ctx, func(ctx context.Context, m *member) error {
		if m.pipeline == nil {
			return nil
		}
		answer, err := bounded.Call(ctx, budget.CallGrace, func(ctx context.Context) (T, error) { return fn(ctx, m.pipeline), nil })
		if err == nil {
			add(answer)
		}
		return err
	})
}

// breakers are the states of a circuit breaker, the worst last.
var breakers = []string{"", counts.BreakerClosed, counts.BreakerHalfOpen, counts.BreakerOpen}

// addSignal adds s to the signal of its name. It changes no map of a member.
func addSignal(all []counts.Signal, s counts.Signal) []counts.Signal {
	i := slices.IndexFunc(all, func(sum counts.Signal) bool { return sum.Name == s.Name })
	if i < 0 {
		s.Reasons = maps.Clone(s.Reasons)
		return append(all, s)
	}
	sum := &all[i]
	sum.Ended += s.Ended
	sum.Exported += s.Exported
	sum.Pending += s.Pending
	sum.Dropped += s.Dropped
	sum.Spilled += s.Spilled
	sum.Open += s.Open
	sum.Superseded += s.Superseded
	sum.Repeated += s.Repeated
	if sum.Reasons == nil {
		sum.Reasons = maps.Clone(s.Reasons)
	} else {
		for reason, n := range s.Reasons {
			sum.Reasons[reason] += n
		}
	}
	if slices.Index(breakers, s.Breaker) > slices.Index(breakers, sum.Breaker) {
		sum.Breaker = s.Breaker
	}
	return all
}

// Incomplete returns the members that have some methods of Pipeline but not all: their names, and the methods that they
// lack.
func (l List) Incomplete() map[string]string {
	incomplete := map[string]string{}
	for _, m := range l {
		if missing := missingMethods(m.Flusher); len(missing) > 0 && len(missing) < methods {
			incomplete[m.Name] = strings.Join(missing, ", ")
		}
	}
	return incomplete
}

// methods is the number of methods that a Pipeline has besides those of a Flusher.
const methods = 7

// missingMethods returns the methods of Pipeline that f lacks.
func missingMethods(f Flusher) (missing []string) {
	check := func(name string, has bool) {
		if !has {
			missing = append(missing, name)
		}
	}
	_, has := f.(interface {
		Flush(ctx context.Context) error
	})
	check("Flush", has)
	_, has = f.(interface{ Pending() (int, bool) })
	check("Pending", has)
	_, has = f.(interface{ SetBackgroundExport(on bool) })
	check("SetBackgroundExport", has)
	_, has = f.(interface {
		EndOpenSpans(roots [][8]byte, errorType, reason string) int
	})
	check("EndOpenSpans", has)
	_, has = f.(interface{ SetExitDeadline(t time.Time) })
	check("SetExitDeadline", has)
	_, has = f.(interface{ SpillPending(ctx context.Context) int })
	check("SpillPending", has)
	_, has = f.(interface{ Counts() []counts.Signal })
	check("Counts", has)
	return missing
}
