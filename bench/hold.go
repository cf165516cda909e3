package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/epilogue-go/epilogue/bench/build"
	"github.com/epilogue-go/epilogue/bench/function"
	"github.com/epilogue-go/epilogue/lambdatest"
)

// hold is how long epilogue holds the environment after responses of one kind, beside what nobody can spare.
type hold struct {
	label   string
	spans   int           // child spans of an invocation; 0: nothing of it is sampled
	far     time.Duration // the round trip to the collector
	next    []float64     // from a response accepted to the extension's next, in ms
	runtime []float64     // from there to the runtime's next
	trip    []float64     // a plain round trip of the same request
}

// holds measures them.
type holds struct {
	*bench

	rows []*hold
}

// newHolds lays out the rows.
func newHolds(b *bench) *holds {
	h := &holds{bench: b, rows: []*hold{{label: "nothing sampled"}}}
	for _, n := range b.spans {
		for _, far := range b.roundTrips {
			h.rows = append(h.rows, &hold{label: where(n, far), spans: n, far: far})
		}
	}
	return h
}

// plainName is the program that makes plain round trips.
const plainName = "roundtrip"

// buildPlain compiles it for this machine.
func buildPlain(ctx context.Context, dir string, paths map[string]string) (err error) {
	paths[plainName], err = build.Program(ctx, dir, plainName, runtime.GOARCH, build.Stripped)
	return err
}

// round measures each row once more, with a process of its own.
func (h *holds) round(ctx context.Context) error {
	for _, row := range h.rows {
		if err := h.measure(ctx, row); err != nil {
			return err
		}
	}
	return nil
}

// measure has the two programs take an invocation each in turn, so that what else the machine does falls on both.
func (h *holds) measure(ctx context.Context, row *hold) (err error) {
	h.collector.setRoundTrip(row.far)
	s, err := h.subject("epilogue", row)
	if err != nil {
		return err
	}
	defer func() { err = s.close(err) }()
	if _, _, err := s.invoke(ctx, "/orders"); err != nil {
		return err
	}
	if row.spans == 0 {
		for range h.invocations {
			if err := h.held(ctx, s, row); err != nil {
				return err
			}
		}
		return nil
	}
	if err := h.held(ctx, s, nil); err != nil { // whose request is like those to come: it does not tell of the start
		return err
	}
	if err := os.WriteFile(h.bodyFile(), h.collector.lastRequest(), 0o600); err != nil {
		return err
	}
	plain, err := h.subject(plainName, row)
	if err != nil {
		return err
	}
	defer func() { err = plain.close(err) }()
	for i := range h.invocations + 1 {
		if err := h.trip(ctx, plain, row, i > 0); err != nil {
			return err
		}
		if i > 0 {
			err = h.held(ctx, s, row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *holds) bodyFile() string { return filepath.Join(h.dir, "body") }

func (h *holds) subject(name string, row *hold) (*subject, error) {
	variables := program{}.environment(h.collector, row.spans, function.BodyVariable+"="+h.bodyFile())
	if row.spans == 0 {
		variables = append(variables, "OTEL_TRACES_SAMPLER=always_off")
	}
	return newSubject(name, h.quota.command(h.paths[name]), variables)
}

// held measures an invocation of epilogue. A nil row takes no note of it.
func (h *holds) held(ctx context.Context, s *subject, row *hold) error {
	r, _, err := s.invokeRested(ctx, h.quota, "/orders")
	if err != nil || row == nil {
		return err
	}
	for _, e := range s.env.Log().Events() {
		if e.RequestID == r.RequestID && e.Kind == lambdatest.KindRuntimeNext {
			row.runtime = append(row.runtime, inMilliseconds(e.At.Sub(r.Posted)))
		}
	}
	row.next = append(row.next, inMilliseconds(r.Next.Sub(r.Posted)))
	return nil
}

// trip measures a plain round trip. The first of a process opens its connection, and does not count.
func (h *holds) trip(ctx context.Context, s *subject, row *hold, counts bool) error {
	_, answer, err := s.invokeRested(ctx, h.quota, "/")
	if err != nil {
		return err
	}
	ns, err := strconv.ParseInt(answer.Body, 10, 64)
	if err == nil && counts {
		row.trip = append(row.trip, inMilliseconds(time.Duration(ns)))
	}
	return err
}

// write writes the table in Markdown.
func (h *holds) write(out io.Writer) {
	header := []string{"", "next", "runtime's next", "plain round trip", "next − round trip"}
	var rows [][]string
	for _, r := range h.rows {
		line := []string{r.label, milliseconds(median(r.next)), milliseconds(median(r.runtime)), "–", "–"}
		if len(r.trip) > 0 {
			line[3], line[4] = milliseconds(median(r.trip)), milliseconds(median(r.next)-median(r.trip))
		}
		rows = append(rows, line)
	}
	align(out, header, rows)
}
