package report

import (
	"fmt"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// Inits returns the beginnings of processes that events hold, in order.
func Inits(events []eventlog.Event) []Init {
	var inits []Init
	for _, e := range events {
		if e.Kind == lambdatest.KindInitStart {
			inits = append(inits, Init{})
			continue
		}
		if len(inits) == 0 {
			continue
		}
		current := &inits[len(inits)-1]
		switch e.Kind {
		case lambdatest.KindExtensionRegistered:
			current.Extensions = append(current.Extensions, registration(e))
		case lambdatest.KindExtensionRefused:
			current.Refused = append(current.Refused, fmt.Sprintf("extension %q refused with %d %s", e.Who, e.Count, e.Detail))
		case lambdatest.KindInitDone:
			current.Took = e.Duration
		case lambdatest.KindInitFailed:
			current.Failure = e.Detail
		}
	}
	return inits
}

func registration(e eventlog.Event) string {
	if e.Detail == "" {
		return fmt.Sprintf("extension %q registered for SIGTERM alone", e.Who)
	}
	return fmt.Sprintf("extension %q registered for %s", e.Who, e.Detail)
}

// Shutdowns returns the ends of processes that events hold, in order. receipts are those of the function.
func Shutdowns(events []eventlog.Event, receipts []Receipt) []Shutdown {
	var ends []Shutdown
	var current Shutdown
	var asked time.Time // when SIGTERM was sent
	for _, e := range events {
		switch e.Kind {
		case lambdatest.KindProcessStart:
			current, asked = Shutdown{Process: e.Count}, time.Time{}
		case lambdatest.KindTimeout:
			current.Cause = CauseTimeout
		case lambdatest.KindSigterm:
			current.SIGTERM, current.Window, asked = true, e.Duration, e.At
		case lambdatest.KindSigkill:
			current.Killed = true
		case lambdatest.KindProcessExit:
			current.Code, current.Signal = e.Count, e.Detail
			if current.SIGTERM {
				current.Exited = e.At.Sub(asked)
				current.deliver(receipts, asked, e.At)
			} else if !current.Killed {
				current.Cause = CauseItself
			}
			ends = append(ends, current)
		}
	}
	return ends
}

// deliver counts the spans that arrived between SIGTERM and the end of the process.
func (s *Shutdown) deliver(receipts []Receipt, asked, exited time.Time) {
	for _, r := range receipts {
		if r.Began.Before(asked) || r.Began.After(exited) || r.Kept == 0 {
			continue
		}
		s.Left += r.Kept
		s.Last = max(s.Last, r.Ended.Sub(asked))
	}
}
