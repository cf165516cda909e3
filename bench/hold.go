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

// hold is the time for which epilogue holds the environment after responses of one kind, next to the unavoidable part.
type hold struct {
	label   string
	spans   int           // child spans of an invocation; 0: nothing is sampled
	far     time.Duration // the round trip to the collector
	next    []float64     // from the accepted response to the extension's next, in ms
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

// measure measures row with a process of epilogue. If the row has spans, a second process makes plain round trips.
func (h *holds) measure(ctx context.Context, row *hold) (err error) {
	h.collector.setRoundTrip(row.far)
	h.collector.takeCounts()
	s, err := h.subject("epilogue", row)
	if err != nil {
		return err
	}
	defer func() { err = s.close(err) }()
	for range 2 { // the second request is like the later ones: it has no span of the start
		if _, _, err := s.invokeRested(ctx, h.quota, "/orders"); err != nil {
			return err
		}
	}
	if row.spans > 0 {
		return h.compare(ctx, s, row)
	}
	for range h.invocations {
		if err := h.held(ctx, s, row); err != nil {
			return err
		}
	}
	return nil
}

// compare alternates invocations of the two programs, so that other load on the machine affects both.
func (h *holds) compare(ctx context.Context, s *subject, row *hold) (err error) {
	if err := os.WriteFile(h.bodyFile(), h.collector.lastRequest(), 0o600); err != nil {
		return err
	}
	plain, err := h.subject(plainName, row)
	if err != nil {
		return err
	}
	defer func() { err = plain.close(err) }()
	if _, err := h.trip(ctx, plain); err != nil { // opens the connection
		return err
	}
	for range h.invocations {
		took, err := h.trip(ctx, plain)
		if err != nil {
			return err
		}
		row.trip = append(row.trip, inMilliseconds(took))
		if err := h.held(ctx, s, row); err != nil {
			return err
		}
	}
	return h.verify(program{}, row.spans, h.invocations+2)
}

func (h *holds) bodyFile() string { return filepath.Join(h.dir, "body") }

func (h *holds) subject(name string, row *hold) (*subject, error) {
	variables := program{}.environment(h.collector, row.spans, function.BodyVariable+"="+h.bodyFile())
	if row.spans == 0 {
		variables = append(variables, "OTEL_TRACES_SAMPLER=always_off")
	}
	return newSubject(name, h.quota.command(h.paths[name]), variables)
}

// held measures an invocation of epilogue.
func (h *holds) held(ctx context.Context, s *subject, row *hold) error {
	r, _, err := s.invokeRested(ctx, h.quota, "/orders")
	if err != nil {
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

// trip measures a plain round trip.
func (h *holds) trip(ctx context.Context, s *subject) (time.Duration, error) {
	_, answer, err := s.invokeRested(ctx, h.quota, "/")
	if err != nil {
		return 0, err
	}
	ns, err := strconv.ParseInt(answer.Body, 10, 64)
	return time.Duration(ns), err
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
