package matrix

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// account says what became of the spans of one process, or of a whole story.
type account struct {
	Made      int // spans that began
	Delivered int // different ones of them that the backend has kept, final or provisional

	Provisional int // of those delivered, ones of which only a copy arrived, made while they were open
	Pending     int // that the process still held at its end, by its own last line
	Refused     int // in requests that the backend refused for good
	Rejected    int // in requests that it otherwise accepted
	Lost        int // with a process that had no time for a last line

	Twice int // copies too many
}

func (a *account) add(b account) {
	a.Made += b.Made
	a.Delivered += b.Delivered
	a.Provisional += b.Provisional
	a.Pending += b.Pending
	a.Refused += b.Refused
	a.Rejected += b.Rejected
	a.Lost += b.Lost
	a.Twice += b.Twice
}

// kind is a way in which a span is not delivered, or not as it should be.
type kind string

const (
	pending     kind = "pending"
	refused     kind = "refused"
	rejected    kind = "rejected"
	lost        kind = "lost"
	provisional kind = "provisional"
	twice       kind = "twice"
)

var kinds = []kind{pending, refused, rejected, lost, provisional, twice}

// of returns how many spans it says of k.
func (a account) of(k kind) int {
	return map[kind]int{
		pending: a.Pending, refused: a.Refused, rejected: a.Rejected, lost: a.Lost, provisional: a.Provisional, twice: a.Twice,
	}[k]
}

// String is the account as it stands in the table: what arrived, and in words what did not or not well.
func (a account) String() string {
	var notes []string
	for _, k := range kinds {
		if n := a.of(k); n != 0 {
			notes = append(notes, fmt.Sprintf("%d %s", n, k))
		}
	}
	if notes == nil {
		return strconv.Itoa(a.Delivered)
	}
	return fmt.Sprintf("%d (%s)", a.Delivered, strings.Join(notes, ", "))
}

// process is one process of a story as its log tells of it.
type process struct {
	begun, ended map[string]bool // span ids
	requests     []otlpreceiver.Request
	line         *exitLine // its last; nil: it had no time for one
}

// exitLine is what matters of the agent's last line.
type exitLine struct {
	Message   string `json:"msg"`
	Telemetry struct {
		Ended       int `json:"ended"`
		Exported    int `json:"exported"`
		Pending     int `json:"pending"`
		Dropped     int `json:"dropped"`
		Refused     int `json:"dropped_refused"`
		Rejected    int `json:"dropped_rejected"`
		Provisional int `json:"provisional"`
	} `json:"telemetry"`
}

// processes are those of the story, in order.
func (c *cell) processes() []*process {
	requests := make(map[string]otlpreceiver.Request)
	for _, r := range c.receiver.Requests() {
		requests[fmt.Sprintf("request %d", r.Number)] = r
	}
	var all []*process
	for _, e := range c.log.Events() {
		if e.Kind == lambdatest.KindProcessStart {
			all = append(all, &process{begun: make(map[string]bool), ended: make(map[string]bool)})
		}
		if len(all) == 0 {
			continue
		}
		switch p := all[len(all)-1]; e.Kind {
		case otlpreceiver.KindExportBegun:
			p.requests = append(p.requests, requests[e.Detail])
		case invariant.KindSaid:
			p.heed(e.Detail)
		}
	}
	return all
}

// heed takes note of a line that the process has printed.
func (p *process) heed(text string) {
	var line exitLine
	switch id, begun := strings.CutPrefix(text, invariant.SpanBegun); {
	case begun:
		p.begun[id] = true
	case strings.HasPrefix(text, invariant.SpanEnded):
		p.ended[strings.TrimPrefix(text, invariant.SpanEnded)] = true
	case json.Unmarshal([]byte(text), &line) == nil && strings.HasPrefix(line.Message, "graceful shutdown completed"):
		p.line = &line
	}
}

// account adds up what became of the process's spans, given what arrived.
func (p *process) account(arrived []otlpreceiver.Span) account {
	a := account{Made: len(p.begun)}
	final, copies := make(map[string]bool), make(map[string]bool)
	for _, span := range arrived {
		if !p.begun[span.SpanID] {
			continue
		}
		a.Twice++
		if span.Attributes["epilogue.provisional"] == true {
			copies[span.SpanID] = true
		} else {
			final[span.SpanID] = true
		}
	}
	for id := range copies {
		if !final[id] {
			a.Provisional++
		}
	}
	a.Delivered = len(final) + a.Provisional
	a.Twice -= a.Delivered
	for _, r := range p.requests {
		switch r.Status {
		case http.StatusBadRequest:
			a.Refused += r.Spans
		case http.StatusOK:
			a.Rejected += r.Spans - r.Kept
		}
	}
	left := a.Made - a.Delivered - a.Refused - a.Rejected
	if p.line == nil {
		a.Lost = left
	} else {
		a.Pending = left
	}
	return a
}
