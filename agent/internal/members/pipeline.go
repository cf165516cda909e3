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
	if sum.Breaker == "" || s.BackendDown() {
		sum.Breaker = s.Breaker
	}
	return all
}

// Incomplete returns the members that have some methods of Pipeline but not all: their names, and the methods that they
// lack.
func (l List) Incomplete() map[string]string {
	incomplete := map[string]string{}
	for _, m := range l {
		if has, lacks := methodsOf(m.Flusher); has > 0 && len(lacks) > 0 {
			incomplete[m.Name] = strings.Join(lacks, ", ")
		}
	}
	return incomplete
}

// methodsOf returns how many methods f has of those that make a Flusher a Pipeline, and which it lacks. It does not ask
// package reflect, which would keep the linker from leaving out unused methods.
func methodsOf(f Flusher) (has int, lacks []string) {
	for _, method := range []struct {
		name  string
		found bool
	}{
		{"Flush", is[interface {
			Flush(ctx context.Context) error
		}](f)},
		{"Pending", is[interface{ Pending() (int, bool) }](f)},
		{"SetBackgroundExport", is[interface{ SetBackgroundExport(on bool) }](f)},
		{"EndOpenSpans", is[interface {
			EndOpenSpans(roots [][8]byte, errorType, reason string) int
		}](f)},
		{"SetExitDeadline", is[interface{ SetExitDeadline(t time.Time) }](f)},
		{"SpillPending", is[interface{ SpillPending(ctx context.Context) int }](f)},
		{"Counts", is[interface{ Counts() []counts.Signal }](f)},
	} {
		if method.found {
			has++
		} else {
			lacks = append(lacks, method.name)
		}
	}
	return has, lacks
}

func is[T any](f Flusher) bool {
	_, ok := f.(T)
	return ok
}
