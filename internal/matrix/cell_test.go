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
func (p place) scenario(t *testing.T, result func(fates)) harness.Scenario {
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
				for _, s := range signals {
					r.Error(justified(p, s, total[s]))
				}
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

// signal is what a function emits. An invocation whose handler starts has one log record and one measurement.
type signal string

const (
	spans        signal = "spans"
	records      signal = "log records"
	measurements signal = "measurements"
)

var signals = []signal{spans, records, measurements}

// fates are the counts of each signal.
type fates map[signal]counts

// counts say what became of the items of a process, or of a cell.
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
	records        map[string]bool // ids
	measured       int
	requests       []otlpreceiver.Request
	line           *harness.ShutdownLine // its last; nil: it had no time for one
}

// account adds up the counts of the processes. The function, the backend, and the last line of each process agree.
func (p place) account(r *harness.Run) fates {
	total, started, emitted, measured := make(fates), 0, 0, 0
	for i, process := range processes(r) {
		one := process.fates(r)
		if err := process.check(one); err != nil {
			r.Errorf("process %d: %w", i+1, err)
		}
		started, emitted, measured = started+len(process.started), emitted+len(process.records), measured+process.measured
		for _, s := range signals {
			total[s] = total[s].plus(one[s])
		}
	}
	// A cell with other items proves nothing about its place.
	handlers := 2
	if p.end.spans > 0 {
		handlers++
	}
	if want := 2 + p.end.spans + 2; started != want || total[spans].delivered != len(r.Spans()) {
		r.Errorf("%d spans started and %d arrived, %d of them once; want %d", started, len(r.Spans()), total[spans].delivered, want)
	}
	if emitted != handlers || measured != handlers || total[records].delivered != len(r.Receiver.LogRecords()) {
		r.Errorf("%d log records and %d measurements; want %d; %d log records arrived, %d of them once",
			emitted, measured, handlers, len(r.Receiver.LogRecords()), total[records].delivered)
	}
	return total
}

func (c counts) plus(other counts) counts {
	sum := counts{delivered: c.delivered + other.delivered, of: make(map[kind]int)}
	for _, k := range kinds {
		sum.of[k] = c.of[k] + other.of[k]
	}
	return sum
}

// processes returns those of the cell, in order.
func processes(r *harness.Run) (all []*process) {
	requests := make(map[string]otlpreceiver.Request)
	for _, request := range r.Receiver.Requests() {
		requests[fmt.Sprintf("request %d", request.Number)] = request
	}
	for _, e := range r.Log.Events() {
		if e.Kind == lambdatest.KindProcessStart {
			all = append(all, &process{started: make(map[string]bool), ended: make(map[string]bool), records: make(map[string]bool)})
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
	} else if id, ok := harness.ParseRecordLine(text); ok {
		p.records[id] = true
	} else if n, ok := harness.ParseMeasuredLine(text); ok {
		p.measured += n
	} else if line, ok := harness.ParseShutdownLine(text); ok {
		p.line = &line
	}
}

// fates are those of the process's items.
func (p *process) fates(r *harness.Run) fates {
	arrived := make(map[string]bool)
	for _, span := range r.Spans() {
		arrived[span.SpanID] = true
	}
	for _, record := range r.Receiver.LogRecords() {
		id, _ := harness.RecordID(record)
		arrived[id] = true
	}
	return fates{
		spans: p.counts(otlpreceiver.Traces, p.started, arrived), records: p.counts(otlpreceiver.Logs, p.records, arrived),
		measurements: p.measurements(r),
	}
}

// counts are those of spans or log records, given the ids of the items that arrived.
func (p *process) counts(s otlpreceiver.Signal, all, arrived map[string]bool) counts {
	c := counts{of: make(map[kind]int)}
	for id := range all {
		if arrived[id] {
			c.delivered++
		}
	}
	for _, r := range p.requests {
		switch {
		case r.Signal != s:
		case r.Status == http.StatusBadRequest:
			c.of[refused] += r.Items
		case r.Status == http.StatusOK:
			c.of[rejected] += r.Items - r.Kept
		}
	}
	c.of[p.left()] = len(all) - c.delivered - c.of[refused] - c.of[rejected]
	return c
}

// left is what an item is called that the process still had at its end.
func (p *process) left() kind {
	if p.line == nil {
		return lost
	}
	return pending
}

// measurements are the counts of measurements: those that the data points tell of have arrived. The others waited for a
// collection or were in the last one.
func (p *process) measurements(r *harness.Run) counts {
	requests, left := make(map[int]bool), p.left()
	for _, request := range p.requests {
		requests[request.Number] = true
		last := !slices.ContainsFunc(p.requests, func(other otlpreceiver.Request) bool { return other.Begun.After(request.Ended) })
		switch {
		case request.Signal != otlpreceiver.Metrics || !last: // the process went on to measure
		case request.Status == http.StatusBadRequest:
			left = refused
		case request.Status == http.StatusOK && request.Kept < request.Items:
			left = rejected
		}
	}
	sums := harness.Sum(slices.DeleteFunc(r.Receiver.DataPoints(), func(point otlpreceiver.DataPoint) bool {
		return !requests[point.Request]
	}))
	c := counts{delivered: min(sums.Counted, sums.Recorded), of: make(map[kind]int)}
	c.of[left] = p.measured - c.delivered
	return c
}

// check compares the counts of a process with its last line, if it had time for one. By then every span has ended.
func (p *process) check(found fates) (errs error) {
	if p.line == nil {
		return nil
	}
	if len(p.ended) != len(p.started) || !p.line.AddsUp() {
		errs = fmt.Errorf("%d spans ended of %d; its last line says %+v", len(p.ended), len(p.started), p.line)
	}
	for s, said := range map[signal]harness.Counts{spans: p.line.Traces, records: p.line.Logs} {
		n, all := found[s], len(p.started)
		if s == records {
			all = len(p.records)
		}
		want := harness.Counts{
			Ended: int64(all), Exported: int64(n.delivered), Pending: int64(n.of[pending]), Repeated: said.Repeated,
			Dropped: int64(n.of[refused] + n.of[rejected]), Refused: int64(n.of[refused]), Rejected: int64(n.of[rejected]),
		}
		if said != want {
			errs = errors.Join(errs, fmt.Errorf("%s: its last line says %+v; want %+v", s, said, want))
		}
	}
	return errs
}

// justified returns an error for each kind of loss that no reason explains, and for each reason without a loss.
func justified(p place, s signal, found counts) (errs error) {
	for _, k := range kinds {
		explained := slices.ContainsFunc(reasons, func(r reason) bool { return r.kind == k && r.of(s) && r.holds(p) })
		if n := found.of[k]; n != 0 != explained {
			errs = errors.Join(errs, fmt.Errorf("%d %s %s; a reason for it: %t", n, s, k, explained))
		}
	}
	return errs
}
