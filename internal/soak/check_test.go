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
				Function: e.functions[len(a.processes)], ended: make(map[string]bool), requests: make(map[string]bool),
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

// fates are what became of the spans of a process, as far as the backend knows.
type fates struct {
	exported, rejected, refused bounds
	missing                     int // have ended and not arrived
}

// fates compares the spans of p with the received ones. A span arrives twice only if the process cannot have had the answer
// to the first request.
func (e *environment) fates(p *process) (f fates) {
	certain := make(map[int]bool)
	for _, r := range e.Receiver.Requests() {
		n := fmt.Sprintf("request %d", r.Number)
		certain[r.Number] = r.Status != 0 && !e.account.uncertain[n]
		switch {
		case !p.requests[n] || r.Status == 0:
		case r.Status == http.StatusBadRequest:
			f.refused.add(r.Spans, certain[r.Number])
		case r.Status == http.StatusOK:
			f.rejected.add(r.Spans-r.Kept, certain[r.Number])
		}
	}
	arrived := make(map[string]bool) // true: the process has the answer
	for _, span := range e.Receiver.Spans() {
		if !p.ended[span.SpanID] {
			continue
		}
		if arrived[span.SpanID] {
			e.Errorf("span %s %q arrived with request %d, and before in one that was answered", span.SpanID, span.Name, span.Request)
		}
		arrived[span.SpanID] = arrived[span.SpanID] || certain[span.Request]
	}
	for _, known := range arrived {
		f.exported.add(1, known)
	}
	f.missing = len(p.ended) - len(arrived)
	return f
}

// moment is the state before a step.
type moment struct {
	seq            int
	process        *process // that runs; nil: none
	stats          otelx.Stats
	ended, missing int
	deferred       int64 // flushes
}

func (e *environment) look() moment {
	_, p := e.read()
	m := moment{seq: e.account.seq, process: p}
	if p != nil {
		m.stats, m.ended, m.missing, m.deferred = p.SDK.Stats(), len(p.ended), e.fates(p).missing, p.Agent.Stats().FlushesDeferred
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
	s, a, f := p.SDK.Stats(), p.Agent.Stats(), e.fates(p)
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
		{"InFlight of an idle process", int64(a.InFlight), bounds{}},
	} {
		if c.got < c.want.least || c.got > c.want.most {
			e.Errorf("%s is %d; observed were %+v; %+v", c.what, c.got, c.want, s)
		}
	}
	if n := s.Dropped.QueueFull - was.stats.Dropped.QueueFull; n > 0 && was.stats.Pending+s.Ended-was.stats.Ended <= int64(e.queue) {
		e.Errorf("%d spans were dropped; the queue was never full: %+v, then %+v", n, was.stats, s)
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
	if s.Pending > 0 && e.mode.recovered() && !unflushed {
		e.Errorf("%d spans are pending although the backend has been up for %d invocations", s.Pending, e.mode.lasted)
	}
}

// checkExited compares the last line of a process with the log. If the backend is up, only os.Exit and SIGKILL lose spans,
// namely those that had not been flushed.
func (e *environment) checkExited(p *process, was moment) {
	f, s := e.fates(p), p.SDK.Stats()
	e.sum.processes++
	e.sum.spans += len(p.ended)
	e.sum.lost += f.missing
	if p.code == 0 {
		if open := p.started - len(p.ended); open > 0 {
			e.Errorf("%d spans were left open at SIGTERM", open)
		}
		if n := int64(len(p.ended)); p.line == nil || !p.line.AddsUp() || p.line.Counts.Ended > n || p.line.Counts.Ended < n-int64(e.behind) ||
			p.line.Counts.Exported < f.exported.least || p.line.Counts.Exported > f.exported.most {
			e.Errorf("the last line says %+v; %d spans ended, exported were %+v", p.line, n, f.exported)
		}
	}
	if !e.mode.up() {
		return
	}
	allowed := int(s.Dropped.QueueFull+s.Dropped.Rejected+s.Dropped.Refused) + e.behind
	if p.code == harness.ExitCode || p.code == -1 {
		allowed += was.missing + len(p.ended) - was.ended
	}
	if f.missing > allowed {
		e.Errorf("%d spans are lost with a process that ended with code %d; at most %d may be: %+v", f.missing, p.code, allowed, s)
	}
}

// number is the name of the request in the detail of its event.
func number(detail string) string {
	n, _, _ := strings.Cut(detail, ":")
	return n
}
