package soak

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/otelx"
)

// childCounts compare what a child says about itself with what the receiver got.
type childCounts struct {
	instance string          // the process's own, in its resource
	gone     map[string]bool // instances that have ended; their spans may still arrive
	arrived  map[string]bool // span ids; true: the process knows, so the span must not come again
	known    int             // of them
	recent   []string        // those that arrived in this step, and those before of which the process may not know
	before   int             // number of arrived when this step began
	last     otelx.Stats
}

func newChildCounts(gone map[string]bool) *childCounts {
	return &childCounts{arrived: make(map[string]bool), gone: gone}
}

// receive adds the spans that have arrived.
func (c *childCounts) receive(spans []harness.Span) (errs error) {
	c.before = len(c.arrived)
	for _, span := range spans {
		instance, _ := span.Resource["faas.instance"].(string)
		if c.gone[instance] {
			continue
		}
		if c.instance == "" {
			c.instance = instance
		}
		known, twice := c.arrived[span.SpanID]
		switch {
		case instance != c.instance || instance == "":
			errs = errors.Join(errs, fmt.Errorf("span %s is of instance %q; this is %q", span.SpanID, instance, c.instance))
		case known:
			errs = errors.Join(errs, fmt.Errorf("span %s %q arrived again with request %d, although the process knew of the first arrival",
				span.SpanID, span.Name, span.Request))
		case !twice:
			c.arrived[span.SpanID] = false
			c.recent = append(c.recent, span.SpanID)
		}
	}
	return errs
}

// compare compares the counts of a reply with the spans received by now. The flush of its own invocation comes after the
// reply.
func (c *childCounts) compare(s otelx.Stats) error {
	defer func() { c.last = s }()
	switch {
	case s.Ended != s.Exported+s.Pending+s.Dropped.Total()+s.Spilled:
		return fmt.Errorf("Ended is not Exported + Pending + Dropped + Spilled: %+v", s)
	case s.Ended < c.last.Ended || s.Exported < c.last.Exported:
		return fmt.Errorf("the counts shrink: %+v, then %+v", c.last, s)
	case s.Exported > int64(len(c.arrived)):
		return fmt.Errorf("the process has exported %d spans; %d have arrived", s.Exported, len(c.arrived))
	case s.Exported == int64(c.before): // they are the first of all
		fresh := len(c.arrived) - c.before
		for _, id := range c.recent[:len(c.recent)-fresh] {
			c.arrived[id] = true
			c.known++
		}
		c.recent = c.recent[len(c.recent)-fresh:]
	}
	return nil
}

// end compares the last line of a process that has ended gracefully with the received spans.
func (c *childCounts) end(log *eventlog.Log, mark int, x exit, up bool) error {
	if x.code != 0 {
		return nil
	}
	line, err := waitShutdownLine(log, mark)
	if err != nil {
		return err
	}
	n := line.Counts
	switch {
	case !line.AddsUp():
		err = errors.New("the counts do not add up")
	case n.Ended < c.last.Ended:
		err = fmt.Errorf("%d had ended before", c.last.Ended)
	case n.Exported < int64(c.known) || n.Exported > int64(len(c.arrived)):
		err = fmt.Errorf("%d spans have arrived, %d of them known to the process", len(c.arrived), c.known)
	case up && n.Pending > 0:
		err = errors.New("spans are pending although the backend is up")
	}
	if err != nil {
		return fmt.Errorf("last line %+v: %w", line, err)
	}
	return nil
}

// waitShutdownLine waits for the last line, which comes through a pipe.
func waitShutdownLine(log *eventlog.Log, mark int) (line harness.ShutdownLine, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = log.Wait(ctx, mark, func(e eventlog.Event) (ok bool) {
		line, ok = harness.ParseShutdownLine(e.Detail)
		return ok
	})
	if err != nil {
		return line, fmt.Errorf("a graceful end without its last line: %w", err)
	}
	return line, nil
}
