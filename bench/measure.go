package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/epilogue-go/epilogue/bench/function"
	"github.com/epilogue-go/epilogue/bench/records"
	"github.com/epilogue-go/epilogue/bench/spans"
	"github.com/epilogue-go/epilogue/lambdatest"
)

// plan is the extent of the measurements.
type plan struct {
	rounds      int             // of processes, one of each program after the other
	invocations int             // of each kind in a process
	spans       []int           // child spans of an invocation
	roundTrips  []time.Duration // to the collector, for the cost of an invocation
	windows     []time.Duration // to the collector, for the deliveries in the shutdown window
	pending     int             // spans that end at SIGTERM
	// windowRounds are the rounds of that. It varies little on the whole machine and much on a share of it.
	windowRounds int
}

var (
	fullPlan = plan{
		rounds: 15, invocations: 8, spans: []int{1, 100}, roundTrips: []time.Duration{0, time.Millisecond, 30 * time.Millisecond},
		windows: []time.Duration{20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond}, pending: 10_000,
		windowRounds: 3,
	}
	quotaPlan = plan{
		rounds: 5, invocations: 4, spans: fullPlan.spans, roundTrips: fullPlan.roundTrips,
		windows: fullPlan.windows, pending: fullPlan.pending, windowRounds: 7,
	}
	quickPlan = plan{
		rounds: 1, invocations: 1, spans: []int{1, 100}, roundTrips: []time.Duration{0},
		windows: []time.Duration{20 * time.Millisecond}, pending: 1000, windowRounds: 1,
	}
)

// bench measures programs that have been built, and fills the table.
type bench struct {
	plan
	table
	collector *collector
	dir       string            // for files
	paths     map[string]string // by program
	quota     *quota            // nil for the whole machine
	holds     *holds
	holdsOnly bool // nothing else is measured
}

// command runs a program of the comparison.
func (b *bench) command(p program) lambdatest.Program { return b.quota.command(b.paths[p.name]) }

// run measures everything in rounds: each program once before any is measured again, so that other load on the machine
// affects all of them.
func (b *bench) run(ctx context.Context) error {
	b.holds = newHolds(b)
	if !b.holdsOnly {
		if err := b.compare(ctx); err != nil {
			return err
		}
	}
	for range b.rounds {
		if err := b.holds.round(ctx); err != nil {
			return err
		}
	}
	return nil
}

// write writes the results.
func (b *bench) write(out io.Writer) {
	if !b.holdsOnly {
		b.table.write(out)
		fmt.Fprint(out, "\nAfter the response, of epilogue:\n\n")
	}
	b.holds.write(out)
}

// compare measures the programs in turn.
func (b *bench) compare(ctx context.Context) error {
	b.layOut()
	for range b.rounds {
		for _, n := range b.spans {
			for _, p := range programs {
				if err := b.life(ctx, p, n); err != nil {
					return err
				}
				if err := b.registered(ctx, p); err != nil {
					return err
				}
			}
		}
	}
	for range b.windowRounds {
		for _, far := range b.windows {
			for _, p := range programs {
				if p.silent {
					continue
				}
				if err := b.window(ctx, p, far); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// layOut puts the rows in the order of the table.
func (b *bench) layOut() {
	for _, what := range []func(int, time.Duration) *row{b.response, b.after} {
		for _, n := range b.spans {
			for _, far := range b.roundTrips {
				what(n, far)
			}
		}
	}
	for _, n := range b.spans {
		b.cpu(n)
	}
	b.resident()
	b.start()
	b.startRegistered()
}

func (b *bench) response(n int, far time.Duration) *row {
	return b.row("response, "+where(n, far), milliseconds, programs[0].name)
}

func (b *bench) after(n int, far time.Duration) *row {
	return b.row("after the response, "+where(n, far), milliseconds, programs[0].name)
}

func (b *bench) cpu(n int) *row {
	return b.row("CPU per invocation, "+counted(n, "span"), milliseconds, programs[0].name)
}

func (b *bench) resident() *row { return b.row("resident memory", megabytes, programs[0].name) }
func (b *bench) start() *row    { return b.row("exec to first next", milliseconds, programs[0].name) }

func (b *bench) startRegistered() *row {
	return b.row("exec to first next, all registered", milliseconds, programs[0].name)
}

func where(n int, far time.Duration) string {
	return fmt.Sprintf("%s, %d ms", counted(n, "span"), far.Milliseconds())
}

func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// life measures a process from its start through invocations that end n child spans each.
func (b *bench) life(ctx context.Context, p program, n int) (err error) {
	b.collector.setRoundTrip(0)
	b.collector.takeCounts()
	s, err := newSubject(p.name, b.command(p), p.environment(b.collector, n))
	if err != nil {
		return err
	}
	defer func() { err = s.close(err) }()
	before, err := b.warm(ctx, s)
	if err != nil {
		return err
	}
	for _, far := range b.roundTrips {
		b.collector.setRoundTrip(far)
		for range b.invocations {
			if err := b.invocation(ctx, s, n, far); err != nil {
				return err
			}
		}
	}
	used, err := s.usage(ctx)
	if err != nil {
		return err
	}
	count := len(b.roundTrips)*b.invocations + 1 // with the first that asked
	b.cpu(n).add(p.name, inMilliseconds(used.CPU-before.CPU)/float64(count))
	b.resident().add(p.name, float64(used.Resident)/1e3)
	return b.verify(p, n, count+2) // with the very first and the last
}

// warm starts the process and runs the first invocations, which are not measured.
func (b *bench) warm(ctx context.Context, s *subject) (u function.Usage, err error) {
	if _, _, err := s.invoke(ctx, "/orders"); err != nil {
		return u, err
	}
	took, err := s.startTime(ctx)
	if err != nil {
		return u, err
	}
	b.start().add(s.name, inMilliseconds(took))
	return s.usage(ctx)
}

// invocation measures one.
func (b *bench) invocation(ctx context.Context, s *subject, n int, far time.Duration) error {
	r, _, err := s.invokeRested(ctx, b.quota, "/orders")
	if err != nil {
		return err
	}
	b.response(n, far).add(s.name, inMilliseconds(r.Posted.Sub(r.Released)))
	b.after(n, far).add(s.name, inMilliseconds(r.Ended.Sub(r.Posted)))
	return nil
}

// verify fails unless the collector has every child span and a span around those of each invocation, and from a program with
// all signals every log record and a metric; otherwise the figures compare nothing. A program may send further spans, such as
// one of its start.
func (b *bench) verify(p program, n, invocations int) error {
	if p.silent {
		return nil
	}
	got := b.collector.takeCounts()
	children := got.spans[spans.Child]
	delete(got.spans, spans.Child)
	others := 0
	for _, count := range got.spans {
		others += count
	}
	if children != invocations*n || others < invocations {
		return fmt.Errorf("%d child spans have arrived of %d, and %d others of at least %d", children, invocations*n, others, invocations)
	}
	if emitted := invocations * records.PerInvocation; p.signals && (got.metrics == 0 || got.records != emitted) {
		return fmt.Errorf("%d log records have arrived of %d, and %d metrics", got.records, emitted, got.metrics)
	}
	return nil
}

// registered measures the start of a process that is registered for SIGTERM, which costs one call of the Extensions API.
// epilogue always is.
func (b *bench) registered(ctx context.Context, p program) (err error) {
	s, err := newSubject(p.name, b.command(p), p.environment(b.collector, 0, function.PendingVariable+"=0"))
	if err != nil {
		return err
	}
	defer func() { err = s.close(err) }()
	if _, _, err := s.invoke(ctx, "/orders"); err != nil {
		return err
	}
	took, err := s.startTime(ctx)
	if err == nil {
		b.startRegistered().add(p.name, inMilliseconds(took))
	}
	return err
}

// window measures how many of the spans that end at SIGTERM arrive before SIGKILL.
func (b *bench) window(ctx context.Context, p program, far time.Duration) (err error) {
	s, err := newSubject(p.name, b.command(p), p.environment(b.collector, 0,
		fmt.Sprintf("%s=%d", function.PendingVariable, b.pending), fmt.Sprintf("OTEL_BSP_MAX_QUEUE_SIZE=%d", 2*b.pending)))
	if err != nil {
		return err
	}
	defer func() { err = s.close(err) }()
	b.collector.setRoundTrip(0)
	if _, _, err := s.invoke(ctx, "/orders"); err != nil {
		return err
	}
	b.collector.setRoundTrip(far)
	b.collector.takeCounts()
	if _, err := s.env.Shutdown(ctx); err != nil {
		return err
	}
	label := fmt.Sprintf("delivered of %d spans that end at SIGTERM, %d ms", b.pending, far.Milliseconds())
	b.row(label, share, "").add(p.name, 100*float64(b.collector.takeCounts().spans[spans.Late])/float64(b.pending))
	return nil
}

func inMilliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
