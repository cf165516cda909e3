package integration

import (
	"errors"
	"fmt"
	"strings"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// invariants hold of every log, whatever the function, the collector or the platform does.
var invariants = map[string]func(*story) error{
	"exports follow the response":          exportsFollowTheResponse,
	"next follows the flush":               nextFollowsTheFlush,
	"nothing is sent while frozen":         nothingIsSentWhileFrozen,
	"callers are answered at the response": callersAreAnsweredAtTheResponse,
	"phases end":                           phasesEnd,
	"the next invocation waits for none":   theNextInvocationWaitsForNone,
	"one next for each event":              oneNextForEachEvent,
	"shutdown is graceful":                 shutdownIsGraceful,
}

// exportsFollowTheResponse: until the runtime has posted, the export would compete with the response for the CPU of a
// small function. After a signal nothing is posted any more.
func exportsFollowTheResponse(s *story) (errs error) {
	ends := is(lambdatest.KindProcessExit, lambdatest.KindSigterm, kindSignal)
	for _, inv := range s.invocations() {
		if s.permit.early[inv.id] || s.permit.beside {
			continue
		}
		over := s.next(inv.released.Seq, func(e eventlog.Event) bool {
			return ends(e) || inv.posted != nil && e.Seq == inv.posted.Seq || inv.timedOut != nil && e.Seq == inv.timedOut.Seq
		})
		begun := s.next(inv.released.Seq, is(otlpreceiver.KindExportBegun))
		if begun != nil && (over == nil || begun.Seq < over.Seq) {
			errs = errors.Join(errs, fmt.Errorf("%s: an export began before the outcome was posted (event %d)", inv.id, begun.Seq))
		}
	}
	return errs
}

// nextFollowsTheFlush: by asking for next, the extension lets the platform freeze the environment, in the middle of what
// is under way.
func nextFollowsTheFlush(s *story) (errs error) {
	if s.permit.beside {
		return nil
	}
	for _, inv := range s.invocations() {
		for _, e := range s.events {
			current := e.Seq > inv.released.Seq && (inv.done == nil || e.Seq < inv.done.Seq)
			if e.Kind != lambdatest.KindExtensionNext || e.RequestID != inv.id || !current {
				continue
			}
			for _, x := range s.exports() {
				if x.openAt(e.Seq) {
					errs = errors.Join(errs, fmt.Errorf("%s: the extension asked for next during %s", inv.id, x.number))
				}
			}
		}
	}
	return errs
}

// nothingIsSentWhileFrozen: what the freeze interrupts may fail after the thaw, an hour later, or arrive twice.
func nothingIsSentWhileFrozen(s *story) (errs error) {
	frozen := false
	for _, e := range s.events {
		switch e.Kind {
		case lambdatest.KindFreeze:
			frozen = true
			for _, x := range s.exports() {
				if x.openAt(e.Seq) && !s.permit.beside {
					errs = errors.Join(errs, fmt.Errorf("the environment froze during %s", x.number))
				}
			}
		case lambdatest.KindThaw, lambdatest.KindProcessExit:
			frozen = false
		case otlpreceiver.KindExportBegun:
			if frozen && !s.permit.beside {
				errs = errors.Join(errs, fmt.Errorf("a frozen process sent %s", e.Detail))
			}
		case lambdatest.KindFrozenActivity:
			if e.Who == collectorAddress && !s.permit.beside {
				errs = errors.Join(errs, errors.New("a frozen process tried to reach the collector"))
			}
		}
	}
	return errs
}

// callersAreAnsweredAtTheResponse: nobody waits for telemetry.
func callersAreAnsweredAtTheResponse(s *story) (errs error) {
	for _, inv := range s.invocations() {
		switch {
		case inv.answered == nil:
			errs = errors.Join(errs, fmt.Errorf("%s: its caller got no answer", inv.id))
		case inv.posted == nil:
		case inv.answered.Seq < inv.posted.Seq || s.exact && since(inv.posted, inv.answered) != 0:
			errs = errors.Join(errs, fmt.Errorf("%s: answered %s after the post", inv.id, since(inv.posted, inv.answered)))
		}
	}
	return errs
}

// phasesEnd: no invocation is held until it times out, unless its own handler takes too long.
func phasesEnd(s *story) (errs error) {
	for _, inv := range s.invocations() {
		exit := s.next(inv.released.Seq, is(lambdatest.KindProcessExit))
		if inv.timedOut != nil && !s.permit.timeouts[inv.id] {
			errs = errors.Join(errs, fmt.Errorf("%s: held until it timed out", inv.id))
		}
		if inv.done == nil && exit == nil {
			errs = errors.Join(errs, fmt.Errorf("%s: held to the end of the log", inv.id))
		}
	}
	return errs
}

// theNextInvocationWaitsForNone: when the flush has ended, nothing else keeps the environment. A flush that ends is
// seen at the receiver, so in virtual time the extension asks for next at the very end of the last export, unless its
// client has given up on one, pauses between attempts, or waits for a handler that does not come.
func theNextInvocationWaitsForNone(s *story) (errs error) {
	if !s.exact || s.permit.beside {
		return nil
	}
	for _, inv := range s.invocations() {
		var last *export
		for _, x := range s.exports() {
			if inv.posted != nil && inv.done != nil && x.begun.Seq > inv.posted.Seq && x.begun.Seq < inv.done.Seq {
				last = &x
			}
		}
		if last == nil || last.end.Kind != otlpreceiver.KindExportDone {
			continue
		}
		if held := since(&last.end, inv.done); held != 0 {
			errs = errors.Join(errs, fmt.Errorf("%s: held for %s after its spans had arrived", inv.id, held))
		}
	}
	return errs
}

// oneNextForEachEvent: an extension that asks more often is a busy loop, on the function's bill. A call that a process
// made at its end may be seen when the next one has begun already, and is not counted.
func oneNextForEachEvent(s *story) (errs error) {
	earlier, asked, may := make(map[string]bool), 0, 1
	for _, e := range s.events {
		switch e.Kind {
		case lambdatest.KindProcessStart:
			asked, may = 0, 1
			for _, inv := range s.invocations() {
				earlier[inv.id] = inv.released.Seq < e.Seq
			}
		case lambdatest.KindInvokeReleased, lambdatest.KindExtensionNextBroken:
			may++
		case lambdatest.KindExtensionNext:
			if earlier[e.RequestID] {
				continue
			}
			asked++
			if asked > may {
				errs = errors.Join(errs, fmt.Errorf("next was asked for %d times for %d events (event %d)", asked, may-1, e.Seq))
			}
		}
	}
	return errs
}

// shutdownIsGraceful: SIGTERM leads to exit code 0 before SIGKILL, with the two lines that a user looks for.
func shutdownIsGraceful(s *story) (errs error) {
	const received, completed = " received", "graceful shutdown completed"
	signals := 0
	for _, e := range s.events {
		if e.Kind != lambdatest.KindSigterm && e.Kind != kindSignal {
			continue
		}
		signals++
		end := s.next(e.Seq, is(lambdatest.KindProcessExit, lambdatest.KindSigkill))
		if end == nil || end.Kind != lambdatest.KindProcessExit || end.Count != 0 {
			errs = errors.Join(errs, fmt.Errorf("after the signal at %d came %v; want an exit with code 0", e.Seq, end))
		}
	}
	if n := len(s.said("SIGTERM"+received)) + len(s.said("SIGINT"+received)); n != signals {
		errs = errors.Join(errs, fmt.Errorf("%d lines say that a signal was received; want %d", n, signals))
	}
	if n := len(s.said(completed)); n != signals {
		errs = errors.Join(errs, fmt.Errorf("%d lines say %q; want %d", n, completed, signals))
	}
	return errs
}

// spansAreDelivered: what ended in the function is at the receiver, once, but for what the scenario says. It is not among
// the invariants of a log, because ids are not in it.
func spansAreDelivered(s *story, arrived []otlpreceiver.Span) (errs error) {
	ended, seen := s.endedSpans(), make(map[string]bool)
	for _, span := range arrived {
		if seen[span.SpanID] && !s.permit.twice {
			errs = errors.Join(errs, fmt.Errorf("span %s %q arrived twice", span.SpanID, span.Name))
		}
		if !ended[span.SpanID] {
			errs = errors.Join(errs, fmt.Errorf("span %s %q arrived and never ended", span.SpanID, span.Name))
		}
		seen[span.SpanID] = true
	}
	var missing []string
	for id := range ended {
		if !seen[id] {
			missing = append(missing, id)
		}
	}
	if len(missing) != s.permit.lost {
		errs = errors.Join(errs, fmt.Errorf("of %d spans %d did not arrive; want %d: %s",
			len(ended), len(missing), s.permit.lost, strings.Join(missing, " ")))
	}
	return errs
}
