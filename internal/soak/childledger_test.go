package soak

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// childLedger is the account of a child: what it says of itself and what the receiver got.
type childLedger struct {
	instance string          // the process's own, in its resource
	gone     map[string]bool // instances that have ended, of which something may arrive still
	arrived  map[string]bool // span ids; true: the process knows, so it must not come again
	known    int             // of them
	news     []string        // those that arrived in this step, and those before that the process may not know of
	before   int             // of arrived, when this step began
	last     otelx.Stats
}

func newChildLedger(gone map[string]bool) *childLedger {
	return &childLedger{arrived: make(map[string]bool), gone: gone}
}

// receive enters what has arrived.
func (l *childLedger) receive(spans []otlpreceiver.Span) (errs error) {
	l.before = len(l.arrived)
	for _, span := range spans {
		instance, _ := span.Resource["faas.instance"].(string)
		if l.gone[instance] {
			continue
		}
		if l.instance == "" {
			l.instance = instance
		}
		known, twice := l.arrived[span.SpanID]
		switch {
		case instance != l.instance || instance == "":
			errs = errors.Join(errs, fmt.Errorf("span %s is of instance %q; this is %q", span.SpanID, instance, l.instance))
		case known:
			errs = errors.Join(errs, fmt.Errorf("span %s %q arrived with request %d, though the process knew that it had before",
				span.SpanID, span.Name, span.Request))
		case !twice:
			l.arrived[span.SpanID] = false
			l.news = append(l.news, span.SpanID)
		}
	}
	return errs
}

// hear compares the account that a reply has with what has arrived by now: of its own invocation, whose flush comes
// after the reply, too.
func (l *childLedger) hear(s otelx.Stats) error {
	defer func() { l.last = s }()
	switch {
	case s.Ended != s.Exported+s.Pending+s.Dropped.Total():
		return fmt.Errorf("Ended is not Exported + Pending + Dropped: %+v", s)
	case s.Ended < l.last.Ended || s.Exported < l.last.Exported:
		return fmt.Errorf("the account shrinks: %+v, then %+v", l.last, s)
	case s.Exported > int64(len(l.arrived)):
		return fmt.Errorf("%d spans are said to be exported; %d have arrived", s.Exported, len(l.arrived))
	case s.Exported == int64(l.before): // which are the first of all
		fresh := len(l.arrived) - l.before
		for _, id := range l.news[:len(l.news)-fresh] {
			l.arrived[id] = true
			l.known++
		}
		l.news = l.news[len(l.news)-fresh:]
	}
	return nil
}

// counts finds the numbers of the last line.
var counts = regexp.MustCompile(`telemetry\.(ended|exported|pending|dropped)=(\d+)`)

// end compares the last line of a process that has ended gracefully with what has arrived.
func (l *childLedger) end(log *eventlog.Log, mark int, x exit, well bool) error {
	if x.code != 0 {
		return nil
	}
	line, err := awaitLine(log, mark)
	if err != nil {
		return err
	}
	n := make(map[string]int)
	for _, match := range counts.FindAllStringSubmatch(line, -1) {
		n[match[1]], _ = strconv.Atoi(match[2]) // digits
	}
	switch {
	case n["ended"] != n["exported"]+n["pending"]+n["dropped"]:
		err = errors.New("ended is not exported + pending + dropped")
	case int64(n["ended"]) < l.last.Ended:
		err = fmt.Errorf("%d had ended before", l.last.Ended)
	case n["exported"] < l.known || n["exported"] > len(l.arrived):
		err = fmt.Errorf("%d spans have arrived, %d of them known to the process", len(l.arrived), l.known)
	case well && n["pending"] > 0:
		err = errors.New("the collector is well")
	}
	if err != nil {
		return fmt.Errorf("%q: %w", line, err)
	}
	return nil
}

// awaitLine waits for the last line, which is read from a pipe.
func awaitLine(log *eventlog.Log, mark int) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	e, err := log.Wait(ctx, mark, func(e eventlog.Event) bool {
		return e.Kind == invariant.KindSaid && counts.MatchString(e.Detail)
	})
	if err != nil {
		return "", fmt.Errorf("a graceful end without its last line: %w", err)
	}
	return e.Detail, nil
}
