package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strconv"

	"github.com/epilogue-go/epilogue/bench/build"
	"github.com/epilogue-go/epilogue/lambdatest"
)

const (
	enduranceSteps    = 10   // in a long run; a sample after each
	enduranceChildren = 3    // child spans of an invocation
	slopeStep         = 1000 // invocations of a step, at least: there, growth tells more than the heap's first fill
)

// endured is a program in a long run: one process from the first invocation to the last.
type endured struct {
	*subject
	silent    bool // it has no spans to export
	collector *collector
	pid       int
	made      int      // invocations
	samples   []sample // the first is after the warm-up
	ended     int      // spans, if the program has any
	delivered int      // those that the collector has got
}

// sample has the gauges of the process, which is frozen meanwhile.
type sample struct {
	gauges
	invocations, ended, delivered int
}

// endure runs n invocations in a bare process and in one with epilogue, after a warm-up. The two alternate in steps of a
// tenth. endure writes a table of their memory and descriptors to out. It fails if a span has not arrived.
func endure(ctx context.Context, out io.Writer, dir string, c *collector, n int) (err error) {
	var runs []*endured
	defer func() {
		for _, r := range runs {
			err = errors.Join(err, r.env.Close())
		}
	}()
	for _, p := range programs {
		if p.name != "bare" && p.name != "epilogue" {
			continue
		}
		r, err := newEndured(ctx, dir, p, c)
		if err != nil {
			return err
		}
		runs = append(runs, r)
	}
	step := max(n/enduranceSteps, 1)
	for i := range enduranceSteps + 2 { // the first warms up, the last ends
		for _, r := range runs {
			if err := r.step(ctx, i, step); err != nil {
				return r.close(err)
			}
		}
	}
	return writeEndured(out, runs, step)
}

// newEndured builds p and prepares its process.
func newEndured(ctx context.Context, dir string, p program, c *collector) (*endured, error) {
	path, err := build.Program(ctx, dir, p.name, runtime.GOARCH, build.Stripped)
	if err != nil {
		return nil, err
	}
	s, err := newSubject(p.name, lambdatest.Command(path), p.environment(c, enduranceChildren))
	return &endured{subject: s, silent: p.silent, collector: c}, err
}

// step runs step i of the process, n invocations.
func (r *endured) step(ctx context.Context, i, n int) (err error) {
	switch {
	case i > enduranceSteps:
		return r.shutdown(ctx)
	case i == 0:
		err = r.warm(ctx, max(n/10, 1))
	default:
		err = r.take(ctx, n)
	}
	if err == nil {
		err = r.sample()
	}
	return err
}

// warm starts the process, runs n more invocations, and asks it for its process ID.
func (r *endured) warm(ctx context.Context, n int) error {
	if !r.silent {
		r.ended++ // of the initialization, in the first invocation's trace
	}
	r.collector.setRoundTrip(0)
	r.collector.takeCounts()
	used, err := r.usage(ctx)
	if err != nil {
		return err
	}
	r.pid = used.PID
	r.count(1)
	return r.take(ctx, n)
}

// take runs n invocations in the process, back to back, and counts their spans. A freeze lasts until the next invocation.
func (r *endured) take(ctx context.Context, n int) error {
	for range n {
		if _, _, err := r.invoke(ctx, "/orders"); err != nil {
			return err
		}
		r.env.Log().Trim(math.MaxInt) // or it would grow with each
	}
	r.count(n)
	return r.account()
}

// count counts n invocations and the spans that end in them.
func (r *endured) count(n int) {
	r.made += n
	if !r.silent {
		r.ended += n * (enduranceChildren + 1)
	}
}

// account adds the spans that arrived since the last call, and fails unless all ended spans have arrived. The collector
// forgets their IDs, so that it does not grow. A span that arrives again later counts twice and so fails, too.
func (r *endured) account() error {
	for _, count := range r.collector.takeCounts().spans {
		r.delivered += count
	}
	if r.delivered != r.ended {
		return fmt.Errorf("after %d invocations %d spans have arrived of %d that have ended", r.made, r.delivered, r.ended)
	}
	return nil
}

// sample takes a sample of the process.
func (r *endured) sample() error {
	g, err := readGauges(r.pid)
	r.samples = append(r.samples, sample{gauges: g, invocations: r.made, ended: r.ended, delivered: r.delivered})
	return err
}

// shutdown ends the process as the platform does; no span is pending then.
func (r *endured) shutdown(ctx context.Context) error {
	_, err := r.env.Shutdown(ctx)
	return errors.Join(err, r.account())
}

// writeEndured writes one row for each sample. If the run is long enough, it adds the growth of resident memory.
func writeEndured(out io.Writer, runs []*endured, step int) error {
	load, err := loadAverage()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s; %d child spans an invocation; load average %s (15 minutes). Measured by `make endurance`.\n\n", machine(), enduranceChildren, load)
	header, rows := []string{"invocations"}, make([][]string, len(runs[0].samples))
	for i, s := range runs[0].samples {
		rows[i] = []string{strconv.Itoa(s.invocations)}
	}
	for _, r := range runs {
		header = append(header, r.name+": resident", "peak", "descriptors")
		if !r.silent {
			header = append(header, "spans ended", "delivered")
		}
		for i, s := range r.samples {
			rows[i] = append(rows[i], s.cells(r.silent)...)
		}
	}
	align(out, header, rows)
	if step < slopeStep {
		return nil
	}
	fmt.Fprint(out, "\nResident memory per 10,000 invocations, by least squares:\n\n")
	for _, r := range runs {
		all, late := growth(r.samples, step), growth(r.samples[len(r.samples)/2:], step)
		fmt.Fprintf(out, "- %s: %+.1f kB; in the second half of the run %+.1f kB\n", r.name, all, late)
	}
	return nil
}

// cells are the cells of the sample's row.
func (s sample) cells(silent bool) []string {
	cells := []string{fmt.Sprintf("%d kB", s.resident), fmt.Sprintf("%d kB", s.peak), strconv.Itoa(s.descriptors)}
	if !silent {
		cells = append(cells, strconv.Itoa(s.ended), strconv.Itoa(s.delivered))
	}
	return cells
}

// growth is the growth of resident memory in 10,000 invocations, in kB, from samples a step apart.
func growth(samples []sample, step int) float64 {
	var resident []float64
	for _, s := range samples {
		resident = append(resident, float64(s.resident))
	}
	return slope(resident) * 10_000 / float64(step)
}
