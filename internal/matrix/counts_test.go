package matrix

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// kind is a way in which a span is not delivered, or not as it should be.
type kind string

const (
	pending  kind = "pending"  // held by the process at its end, as its last line says
	refused  kind = "refused"  // in requests that the backend refused for good
	rejected kind = "rejected" // in requests that it otherwise accepted
	lost     kind = "lost"     // with a process that had no time for a last line
	twice    kind = "twice"    // arrivals beyond the first
)

var kinds = []kind{pending, refused, rejected, lost, twice}

// counts say what became of the spans of a process, or of a cell.
type counts struct {
	delivered int // different spans that the backend has kept
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

// processes returns those of the cell, in order.
func (c *cell) processes() (all []*process) {
	requests := make(map[string]otlpreceiver.Request)
	for _, r := range c.Receiver.Requests() {
		requests[fmt.Sprintf("request %d", r.Number)] = r
	}
	for _, e := range c.Log.Events() {
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

// counts are those of the process, given what arrived.
func (p *process) counts(arrived []harness.Span) counts {
	c := counts{of: make(map[kind]int)}
	different, all := make(map[string]bool), 0
	for _, span := range arrived {
		if !p.started[span.SpanID] {
			continue
		}
		all++
		different[span.SpanID] = true
	}
	c.delivered = len(different)
	c.of[twice] = all - c.delivered
	for _, r := range p.requests {
		switch r.Status {
		case http.StatusBadRequest:
			c.of[refused] += r.Spans
		case http.StatusOK:
			c.of[rejected] += r.Spans - r.Kept
		}
	}
	left := len(p.started) - c.delivered - c.of[refused] - c.of[rejected]
	if p.line == nil {
		c.of[lost] = left
	} else {
		c.of[pending] = left
	}
	return c
}

// counts are those of all processes of the cell.
func (c *cell) counts() counts {
	sum := counts{of: make(map[kind]int)}
	for _, p := range c.processes() {
		one := p.counts(c.Receiver.Spans())
		sum.delivered += one.delivered
		for k, n := range one.of {
			sum.of[k] += n
		}
	}
	return sum
}
