package soak

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

const callGrace = 10 * time.Millisecond // from the end of a flush to the end of the phase

// account is what the log of an environment says about its spans and requests.
type account struct {
	seq       int // the first event that has not been read
	processes []*process
	open      map[string]bool // requests under way
	uncertain map[string]bool // those that a freeze or an exit interrupted: the process may have the answer
}

// process is one process as the log shows it.
type process struct {
	*harness.Function
	started  int
	ended    map[string]bool // span ids
	records  map[string]bool // ids of log records
	measured int             // measurements
	requests map[string]bool
	exited   bool
	code     int
	line     *harness.ShutdownLine
}

func newAccount() account {
	return account{open: make(map[string]bool), uncertain: make(map[string]bool)}
}

// read reads the events since the last time. It returns the processes that have exited, and the one that runs.
func (e *environment) read() (exited []*process, running *process) {
	a := &e.account
	for _, x := range e.Log.Since(a.seq) {
		a.seq = x.Seq + 1
		if x.Kind == lambdatest.KindProcessStart {
			a.processes = append(a.processes, &process{
				Function: e.functions[len(a.processes)], ended: make(map[string]bool), records: make(map[string]bool),
				requests: make(map[string]bool),
			})
		}
		if len(a.processes) == 0 {
			continue
		}
		p := a.processes[len(a.processes)-1]
		switch x.Kind {
		case harness.KindLine:
			p.read(x.Detail)
		case otlpreceiver.KindExportBegun:
			a.open[x.Detail], p.requests[x.Detail] = true, true
		case otlpreceiver.KindExportDone, otlpreceiver.KindExportRefused:
			delete(a.open, number(x.Detail))
		case lambdatest.KindFreeze, lambdatest.KindProcessExit:
			for n := range a.open {
				a.uncertain[n] = true
			}
		}
		if x.Kind == lambdatest.KindProcessExit {
			p.exited, p.code = true, x.Count
			exited = append(exited, p)
		}
	}
	if n := len(a.processes); n > 0 && !a.processes[n-1].exited {
		running = a.processes[n-1]
	}
	return exited, running
}

func (p *process) read(text string) {
	if id, started, ok := harness.ParseSpanLine(text); ok && started {
		p.started++
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

// bounds enclose a number that is not known exactly.
type bounds struct{ least, most int64 }

func (b *bounds) add(n int, certain bool) {
	b.most += int64(n)
	if certain {
		b.least += int64(n)
	}
}

// fates are what became of the spans or log records of a process, as far as the backend knows.
type fates struct {
	exported, rejected, refused bounds
	missing                     int // have ended and not arrived
	repeated                    int // arrived again
}

// arrival is an item that has arrived with a request.
type arrival struct {
	id      string
	request int
}

func (e *environment) spanFates(p *process) fates {
	var all []arrival
	for _, span := range e.Receiver.Spans() {
		all = append(all, arrival{span.SpanID, span.Request})
	}
	return e.fates(p, otlpreceiver.Traces, p.ended, all)
}

func (e *environment) recordFates(p *process) fates {
	var all []arrival
	for _, record := range e.Receiver.LogRecords() {
		id, _ := harness.RecordID(record)
		all = append(all, arrival{id, record.Request})
	}
	return e.fates(p, otlpreceiver.Logs, p.records, all)
}

// fates compares the items of p with the received ones. An item arrives twice only if the process cannot have had the answer
// to the first request.
func (e *environment) fates(p *process, signal otlpreceiver.Signal, ended map[string]bool, received []arrival) (f fates) {
	certain := make(map[int]bool)
	for _, r := range e.Receiver.Requests() {
		n := fmt.Sprintf("request %d", r.Number)
		certain[r.Number] = r.Status != 0 && !e.account.uncertain[n]
		switch {
		case !p.requests[n] || r.Signal != signal || r.Status == 0:
		case r.Status == http.StatusBadRequest:
			f.refused.add(r.Items, certain[r.Number])
		case r.Status == http.StatusOK:
			f.rejected.add(r.Items-r.Kept, certain[r.Number])
		}
	}
	arrived := make(map[string]bool) // true: the process has the answer
	for _, item := range received {
		if !ended[item.id] {
			continue
		}
		known, again := arrived[item.id]
		if known {
			e.Errorf("an item of %s, %s, arrived with request %d, and before in one that was answered", signal, item.id, item.request)
		}
		if again {
			f.repeated++
		}
		arrived[item.id] = known || certain[item.request]
	}
	for _, known := range arrived {
		f.exported.add(1, known)
	}
	f.missing = len(ended) - len(arrived)
	return f
}

// sums returns the measurements of p that have arrived.
func (e *environment) sums(p *process) harness.Sums {
	return harness.Sum(slices.DeleteFunc(e.Receiver.DataPoints(), func(point otlpreceiver.DataPoint) bool {
		return !p.requests[fmt.Sprintf("request %d", point.Request)]
	}))
}

// moment is the state before a step.
type moment struct {
	seq            int
	process        *process // that runs; nil: none
	stats          otelx.Stats
	ended, missing int // spans
	records        int
	missingRecords int
	deferred       int64 // flushes
}

func (e *environment) look() moment {
	_, p := e.read()
	m := moment{seq: e.account.seq, process: p}
	if p != nil {
		m.stats, m.ended, m.missing, m.deferred = p.SDK.Stats(), len(p.ended), e.spanFates(p).missing, p.Agent.Stats().FlushesDeferred
		m.records, m.missingRecords = len(p.records), e.recordFates(p).missing
	}
	return m
}

// of returns m if it is that of p, and otherwise the state of a process that has not begun.
func (m moment) of(p *process) moment {
	if m.process == p {
		return m
	}
	return moment{}
}

// check compares the events of a step with its calls, and the counts of each process with the received spans.
func (e *environment) check(before moment) {
	exited, running := e.read()
	for _, p := range exited {
		e.checkExited(p, before.of(p))
	}
	if running != nil {
		e.checkRunning(running, before.of(running))
	}
	for _, r := range lambdatest.Invocations(e.Log.Since(before.seq)) {
		most := e.flushTimeout + callGrace + e.hold
		if !e.starts() {
			most += harness.StartWait + harness.Gap
		}
		if r.AfterResponse > most {
			e.Errorf("%s: held for %s after the post; at most %s", r.RequestID, r.AfterResponse, most)
		}
	}
}

// checkRunning compares the counts of a process that lives. If the backend has been up for a while, no span is pending,
// unless the strategy has deferred a flush.
func (e *environment) checkRunning(p *process, was moment) {
	s, a, f := p.SDK.Stats(), p.Agent.Stats(), e.spanFates(p)
	l, m, records, sums := s.Logs, s.Metrics, e.recordFates(p), e.sums(p)
	for _, c := range []struct {
		what string
		got  int64
		want bounds
	}{
		{"the sum of all other counts", s.Exported + s.Pending + s.Dropped.Total() + s.Spilled, bounds{s.Ended, s.Ended}},
		{"Ended", s.Ended, bounds{int64(len(p.ended)), int64(len(p.ended))}},
		{"Exported", s.Exported, f.exported},
		{"Rejected", s.Dropped.Rejected, f.rejected},
		{"Refused", s.Dropped.Refused, f.refused},
		{"TooLarge", s.Dropped.TooLarge, bounds{}},
		{"Pending", s.Pending, bounds{0, int64(e.queue)}},
		{"log records: the sum of all other counts", l.Exported + l.Pending + l.Dropped.Total() + l.Spilled, bounds{l.Ended, l.Ended}},
		{"log records: Ended", l.Ended, bounds{int64(len(p.records)), int64(len(p.records))}},
		{"log records: Exported", l.Exported, records.exported},
		{"log records: Rejected", l.Dropped.Rejected, records.rejected},
		{"log records: Refused", l.Dropped.Refused, records.refused},
		{"log records: Pending", l.Pending, bounds{0, int64(e.queue)}},
		{"log records that arrived again", int64(records.repeated), bounds{0, l.Repeated}},
		{"data points: the sum of all other counts", m.Exported + m.Pending + m.Dropped.Total() + m.Spilled + m.Superseded, bounds{m.Ended, m.Ended}},
		{"delta points that arrived again", int64(sums.Repeated), bounds{0, m.Repeated}},
		{"counted measurements", int64(sums.Counted), bounds{0, int64(p.measured)}},
		{"recorded measurements", int64(sums.Recorded), bounds{0, int64(p.measured)}},
		{"InFlight of an idle process", int64(a.InFlight), bounds{}},
	} {
		if c.got < c.want.least || c.got > c.want.most {
			e.Errorf("%s is %d; observed were %+v; %+v", c.what, c.got, c.want, s)
		}
	}
	if n := s.Dropped.QueueFull - was.stats.Dropped.QueueFull; n > 0 && was.stats.Pending+s.Ended-was.stats.Ended <= int64(e.queue) {
		e.Errorf("%d spans were dropped; the queue was never full: %+v, then %+v", n, was.stats, s)
	}
	if n := l.Dropped.QueueFull - was.stats.Logs.Dropped.QueueFull; n > 0 && was.stats.Logs.Pending+l.Ended-was.stats.Logs.Ended <= int64(e.queue) {
		e.Errorf("%d log records were dropped; the queue was never full: %+v, then %+v", n, was.stats.Logs, l)
	}
	deferred := a.FlushesDeferred > was.deferred
	if deferred {
		e.sum.deferred++
	}
	if deferred && e.strategy == "" {
		e.Errorf("a flush was deferred without a strategy: %+v", a)
	}
	// If nothing holds the environment, nothing flushes after a payload that does not decode, and just before the deadline
	// there is no time. If next breaks just before a freeze, the agent learns of it late.
	unflushed := deferred || e.behind > 0 || e.nextBroken() || !e.starts() ||
		slices.ContainsFunc(e.calls, func(c harness.Call) bool { return c.Name == "late" })
	if s.Pending+l.Pending+m.Pending > 0 && e.mode.recovered() && !unflushed {
		e.Errorf("%d spans, %d log records and %d data points are pending although the backend has been up for %d invocations",
			s.Pending, l.Pending, m.Pending, e.mode.lasted)
	}
}

// checkExited compares the last line of a process with the log. If the backend is up, only os.Exit and SIGKILL lose spans,
// namely those that had not been flushed.
func (e *environment) checkExited(p *process, was moment) {
	f, records, s := e.spanFates(p), e.recordFates(p), p.SDK.Stats()
	e.sum.processes++
	e.sum.spans += len(p.ended)
	e.sum.records += len(p.records)
	e.sum.measured += p.measured
	e.sum.lost += f.missing
	if p.code == 0 {
		if open := p.started - len(p.ended); open > 0 {
			e.Errorf("%d spans were left open at SIGTERM", open)
		}
		if n := int64(len(p.ended)); p.line == nil || !p.line.AddsUp() || p.line.Traces.Ended > n || p.line.Traces.Ended < n-int64(e.behind) ||
			p.line.Traces.Exported < f.exported.least || p.line.Traces.Exported > f.exported.most {
			e.Errorf("the last line says %+v; %d spans ended, exported were %+v", p.line, n, f.exported)
		}
		if n := int64(len(p.records)); p.line != nil && (p.line.Logs.Ended != n ||
			p.line.Logs.Exported < records.exported.least || p.line.Logs.Exported > records.exported.most) {
			e.Errorf("the last line says %+v; %d log records ended, exported were %+v", p.line.Logs, n, records.exported)
		}
	}
	if !e.mode.up() {
		return
	}
	allowed := int(s.Dropped.QueueFull+s.Dropped.Rejected+s.Dropped.Refused) + e.behind
	allowedRecords := int(s.Logs.Dropped.Total())
	killed := p.code == harness.ExitCode || p.code == -1
	if killed {
		allowed += was.missing + len(p.ended) - was.ended
		allowedRecords += was.missingRecords + len(p.records) - was.records
	}
	if f.missing > allowed {
		e.Errorf("%d spans are lost with a process that ended with code %d; at most %d may be: %+v", f.missing, p.code, allowed, s)
	}
	if records.missing > allowedRecords {
		e.Errorf("%d log records are lost with a process that ended with code %d; at most %d may be: %+v",
			records.missing, p.code, allowedRecords, s.Logs)
	}
	// What the backend has refused is in a later cumulative point, but not in a later delta.
	sums, whole := e.sums(p), !killed && (!e.delta || s.Metrics.Dropped.Total() == 0)
	if whole && (sums.Counted != p.measured || sums.Recorded != p.measured) {
		e.Errorf("of %d measurements of a process that ended with code %d, the counter has %d and the histogram %d: %+v",
			p.measured, p.code, sums.Counted, sums.Recorded, s.Metrics)
	}
}

// number is the name of the request in the detail of its event.
func number(detail string) string {
	n, _, _ := strings.Cut(detail, ":")
	return n
}
