package main

import (
	"context"
	"path/filepath"

	"github.com/epilogue-go/epilogue/internal/report"
)

// A scene is one event of the demo, and what comes with it.
type scene struct {
	event   string   // a file of examples/orders/events, without .json
	planned string   // how the invocation is meant to end, where that is not a success
	leaves  []string // the names of the function's spans that it leaves
	frozen  bool     // a long freeze comes before it, in which connections are cut
	refused bool     // the receiver refuses while it runs
	note    string   // what a reader should know
}

// What the routes of the orders example leave.
var (
	orderSpans = []string{"POST /orders", "validate order", "GET", "save order"}
	scenes     = []scene{
		{event: "create", leaves: orderSpans},
		{event: "get", leaves: []string{"GET /orders/{id}", "find order"}},
		{event: "create-traced", leaves: orderSpans, note: "the caller sent a traceparent: the trace goes on from there"},
		{event: "create", leaves: orderSpans, frozen: true},
		{
			event: "panic", planned: "panic", leaves: []string{"POST /faults/panic", "pack order", "weigh"},
			note: "a panic ends the process, so these spans leave before the panic is reported",
		},
		{
			event: "timeout", planned: "timeout", leaves: []string{"POST /faults/timeout", "wait for the glacier", "GET"},
			note: "Lambda ends an invocation that takes longer than the timeout: no response, SIGTERM",
		},
		{event: "create-base64", leaves: orderSpans, refused: true},
	}
)

// perform plays the scenes and ends the environment.
func (set demoSettings) perform(ctx context.Context, s *session, dir string) error {
	s.receiver.refuse(set.refuse)
	s.begin("timeout " + report.Duration(demoTimeout))
	for _, sc := range scenes {
		e, err := readEvent(filepath.Join(dir, sc.event+".json"), nil)
		if err != nil {
			return err
		}
		if sc.frozen {
			if err := s.pause(ctx, demoFreeze, true); err != nil {
				return err
			}
		}
		s.receiver.refuse(set.refuse || sc.refused)
		if err := s.invoke(ctx, call{event: e, planned: sc.planned, leaves: sc.leaves, note: sc.note}); err != nil {
			return err
		}
		s.receiver.refuse(set.refuse)
	}
	return s.shutdown(ctx)
}
