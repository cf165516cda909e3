package demo

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/local"
)

// A scenario is one event of the demo and its conditions.
type scenario struct {
	event   string   // a file of examples/orders/events, without .json
	answer  string   // the HTTP status of the response, if there is one
	planned string   // the planned end of the invocation; empty: success
	leaves  []string // the names of the spans that the function ends for it, without the process's own
	prices  int      // spans that the prices service ends for it
	frozen  bool     // a long freeze comes before it, in which connections are cut
	refused bool     // the receiver refuses while it runs
	note    string   // an explanation for the reader
}

// The spans of the routes of the orders example. Spans that are open at a panic or a timeout are ended and sent too.
var (
	orderSpans = []string{"POST /orders", "validate order", "HTTP GET", "save order"}
	scenarios  = []scenario{
		{event: "create", answer: "201", leaves: orderSpans, prices: 1},
		{event: "get", answer: "200", leaves: []string{"GET /orders/{id}", "find order"}},
		{
			event: "create-traced", answer: "201", leaves: orderSpans, prices: 1,
			note: "the caller sent a traceparent, and the trace goes on from there",
		},
		{event: "create", answer: "201", leaves: orderSpans, prices: 1, frozen: true},
		{
			event: "panic", planned: "panic", leaves: []string{"POST /faults/{fault}", "pack order", "weigh"},
			note: "a panic ends the process: open spans are ended, and all leave before the error is posted",
		},
		{
			event: "timeout", planned: "timeout", leaves: []string{"POST /faults/{fault}", "wait for the glacier", "HTTP GET"}, prices: 1,
			note: "no response within the timeout: Lambda ends the process",
		},
		{event: "create-base64", answer: "201", leaves: orderSpans, prices: 1, refused: true},
	}
)

// perform runs the scenarios and ends the environment.
func (set demoSettings) perform(ctx context.Context, s *local.Lambda, r *local.Receiver, dir string) error {
	r.Refuse(set.refuse)
	s.Begin(fmt.Sprintf("timeout %s, flush timeout %s", demoTimeout, demoFlush))
	for _, sc := range scenarios {
		e, err := local.ReadEvent(filepath.Join(dir, sc.event+".json"), nil)
		if err != nil {
			return err
		}
		if sc.frozen {
			if err := s.Pause(ctx, demoFreeze, true); err != nil {
				return err
			}
		}
		r.Refuse(set.refuse || sc.refused)
		if err := s.Invoke(ctx, local.Call{
			Event: e, Answers: sc.answer, Planned: sc.planned, Leaves: sc.leaves, Note: sc.note,
		}); err != nil {
			return err
		}
		r.Refuse(set.refuse)
	}
	return s.Shutdown(ctx)
}

// pricesSpans returns how many spans the prices service ends in all scenarios.
func pricesSpans() int {
	n := 0
	for _, sc := range scenarios {
		n += sc.prices
	}
	return n
}
