package matrix

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// place is where a cell is in the matrix.
type place struct {
	platform *platform
	end      *end
	backend  *backend
}

func (p place) String() string { return p.platform.name + "/" + p.end.name + "/" + p.backend.name }

// places returns all of them.
func places() (all []place) {
	for p := range platforms {
		for e := range ends {
			for b := range backends {
				if platforms[p].all || backends[b].every {
					all = append(all, place{&platforms[p], &ends[e], &backends[b]})
				}
			}
		}
	}
	return all
}

// scenario is the same in every cell: a good invocation, the one with the end, another good one, and the shutdown. result
// is called with the counts.
func (p place) scenario(t *testing.T, result func(counts)) harness.Scenario {
	t.Helper()
	good := harness.Invoke(harness.Call{Payload: do("ok"), Expect: harness.Expect{Answer: done}})
	call := p.call()
	step := harness.Invoke(call)
	if p.end.signal != nil {
		step = p.end.signal(p, call)
	}
	b := p.backend
	return harness.Scenario{
		Main: b.program, Config: p.platform.config, Listen: b.listen, Unchecked: true,
		// Each cell counts the same spans, whether its process is the first or not.
		Env: slices.Concat(p.platform.variables(t), []string{harness.WithoutInitSpan + "=true"}),
		Steps: []harness.Step{
			harness.SetFault(b.always), good, b.frozen,
			b.begin(p.end.holdsRequest), step, b.end, b.frozen,
			good, b.frozen, harness.ShutdownWith(terminated.code(p.platform)),
			func(r *harness.Run) {
				total := p.account(r)
				r.Error(justified(p, total))
				result(total)
			},
		},
	}
}

// call is the invocation with the end. Its spans may be exported before its outcome if the process ends with it, if nothing
// holds the environment afterwards, or shortly before a timeout.
func (p place) call() harness.Call {
	e := p.end
	c := harness.Call{Name: e.name, Payload: e.payload, Expect: harness.Expect{
		Answer: e.answer, ErrorType: e.errType, TimesOut: e.timesOut, Early: e.early || p.platform.unheld && e.earlyUnheld,
	}}
	if e.after != lives && e.signal == nil {
		code := e.after.code(p.platform)
		c.Exit = &code
	}
	return c
}

// kind is a way in which a span is not delivered.
type kind string

const (
	pending  kind = "pending"  // held by the process at its end, as its last line says
	refused  kind = "refused"  // in requests that the backend refused for good
	rejected kind = "rejected" // in requests that it otherwise accepted
	lost     kind = "lost"     // with a process that had no time for a last line
)

var kinds = []kind{pending, refused, rejected, lost}

// counts say what became of the spans of a process, or of a cell.
type counts struct {
	delivered int
	of        map[kind]int
}

// String is the counts as the table has them: how many arrived, and in words what became of the others.
func (c counts) String() string {
	var notes []string
	for _, k := range kinds {
		if n := c.of[k]; n != 0 {
			notes = append(notes, fmt.Sprintf("%d %s", n, k))
		}
	}
	if notes == nil {
		return strconv.Itoa(c.delivered)
	}
	return fmt.Sprintf("%d (%s)", c.delivered, strings.Join(notes, ", "))
}

// process is one process of a cell as the log shows it.
type process struct {
	started, ended map[string]bool // span ids
	requests       []otlpreceiver.Request
	line           *harness.ShutdownLine // its last; nil: it had no time for one
}

// account adds up the counts of the processes. The function, the backend, and the last line of each process agree.
func (p place) account(r *harness.Run) counts {
	total, started := counts{of: make(map[kind]int)}, 0
	for i, process := range processes(r) {
		one := process.counts(r.Spans())
		if err := process.check(one); err != nil {
			r.Errorf("process %d: %w", i+1, err)
		}
		started += len(process.started)
		total.delivered += one.delivered
		for k, n := range one.of {
			total.of[k] += n
		}
	}
	// A cell with other spans proves nothing about its place.
	if want := 2 + p.end.spans + 2; started != want || total.delivered != len(r.Spans()) {
		r.Errorf("%d spans started and %d arrived, %d of them once; want %d", started, len(r.Spans()), total.delivered, want)
	}
	return total
}

// processes returns those of the cell, in order.
func processes(r *harness.Run) (all []*process) {
	requests := make(map[string]otlpreceiver.Request)
	for _, request := range r.Receiver.Requests() {
		requests[fmt.Sprintf("request %d", request.Number)] = request
	}
	for _, e := range r.Log.Events() {
		if e.Kind == lambdatest.KindProcessStart {
			all = append(all, &process{started: make(map[string]bool), ended: make(map[string]bool)})
		}
		if len(all) == 0 {
			continue
		}
		switch p := all[len(all)-1]; e.Kind {
		case otlpreceiver.KindExportBegun:
			p.requests = append(p.requests, requests[e.Detail])
		case harness.KindLine:
			p.read(e.Detail)
		}
	}
	return all
}

// read reads a line of the process's standard error.
func (p *process) read(text string) {
	if id, started, ok := harness.ParseSpanLine(text); ok && started {
		p.started[id] = true
	} else if ok {
		p.ended[id] = true
	} else if line, ok := harness.ParseShutdownLine(text); ok {
		p.line = &line
	}
}

// counts are those of the process, given the spans that arrived.
func (p *process) counts(arrived []harness.Span) counts {
	c := counts{of: make(map[kind]int)}
	for id := range p.started {
		if slices.ContainsFunc(arrived, func(s harness.Span) bool { return s.SpanID == id }) {
			c.delivered++
		}
	}
	for _, r := range p.requests {
		switch r.Status {
		case http.StatusBadRequest:
			c.of[refused] += r.Spans
		case http.StatusOK:
			c.of[rejected] += r.Spans - r.Kept
		}
	}
	left := lost
	if p.line != nil {
		left = pending
	}
	c.of[left] = len(p.started) - c.delivered - c.of[refused] - c.of[rejected]
	return c
}

// check compares the counts of a process with its last line, if it had time for one. By then every span has ended.
func (p *process) check(n counts) error {
	if p.line == nil {
		return nil
	}
	said, want := p.line.Counts, harness.SpanCounts{
		Ended: int64(len(p.started)), Exported: int64(n.delivered), Pending: int64(n.of[pending]),
		Dropped: int64(n.of[refused] + n.of[rejected]), Refused: int64(n.of[refused]), Rejected: int64(n.of[rejected]),
	}
	if said != want || len(p.ended) != len(p.started) {
		return fmt.Errorf("its last line says %+v; want %+v, %d ended", said, want, len(p.ended))
	}
	return nil
}

// justified returns an error for each kind of loss that no reason explains, and for each reason without a loss.
func justified(p place, found counts) (errs error) {
	for _, k := range kinds {
		explained := slices.ContainsFunc(reasons, func(r reason) bool { return r.kind == k && r.holds(p) })
		if n := found.of[k]; n != 0 != explained {
			errs = errors.Join(errs, fmt.Errorf("%d %s; a reason for it: %t", n, k, explained))
		}
	}
	return errs
}
