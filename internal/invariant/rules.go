package invariant

import (
	"errors"
	"fmt"
	"strings"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// Rules hold of every log, whatever the function, the collector or the platform does.
var Rules = map[string]func(*Story) error{
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
func exportsFollowTheResponse(s *Story) (errs error) {
	ends := is(lambdatest.KindProcessExit, lambdatest.KindSigterm, KindSignal)
	for _, inv := range s.Invocations() {
		if s.Permit.Early[inv.ID] || s.Permit.Beside {
			continue
		}
		over := s.next(inv.Released.Seq, func(e eventlog.Event) bool {
			return ends(e) || inv.Posted != nil && e.Seq == inv.Posted.Seq || inv.TimedOut != nil && e.Seq == inv.TimedOut.Seq
		})
		begun := s.next(inv.Released.Seq, is(otlpreceiver.KindExportBegun))
		if begun != nil && (over == nil || begun.Seq < over.Seq) {
			errs = errors.Join(errs, fmt.Errorf("%s: an export began before the outcome was posted (event %d)", inv.ID, begun.Seq))
		}
	}
	return errs
}

// nextFollowsTheFlush: by asking for next, the extension lets the platform freeze the environment, in the middle of what
// is under way.
func nextFollowsTheFlush(s *Story) (errs error) {
	if s.Permit.Beside {
		return nil
	}
	for _, inv := range s.Invocations() {
		for _, e := range s.Events {
			current := e.Seq > inv.Released.Seq && (inv.Done == nil || e.Seq < inv.Done.Seq)
			if e.Kind != lambdatest.KindExtensionNext || e.RequestID != inv.ID || !current {
				continue
			}
			for _, x := range s.exports() {
				if x.openAt(e.Seq) {
					errs = errors.Join(errs, fmt.Errorf("%s: the extension asked for next during %s", inv.ID, x.number))
				}
			}
		}
	}
	return errs
}

// nothingIsSentWhileFrozen: what the freeze interrupts may fail after the thaw, an hour later, or arrive twice.
func nothingIsSentWhileFrozen(s *Story) (errs error) {
	frozen := false
	for _, e := range s.Events {
		switch e.Kind {
		case lambdatest.KindFreeze:
			frozen = true
			for _, x := range s.exports() {
				if x.openAt(e.Seq) && !s.Permit.Beside {
					errs = errors.Join(errs, fmt.Errorf("the environment froze during %s", x.number))
				}
			}
		case lambdatest.KindThaw, lambdatest.KindProcessExit:
			frozen = false
		case otlpreceiver.KindExportBegun:
			if frozen && !s.Permit.Beside {
				errs = errors.Join(errs, fmt.Errorf("a frozen process sent %s", e.Detail))
			}
		case lambdatest.KindFrozenActivity:
			if e.Who == s.Collector && !s.Permit.Beside {
				errs = errors.Join(errs, errors.New("a frozen process tried to reach the collector"))
			}
		}
	}
	return errs
}

// callersAreAnsweredAtTheResponse: nobody waits for telemetry.
func callersAreAnsweredAtTheResponse(s *Story) (errs error) {
	for _, inv := range s.Invocations() {
		switch {
		case inv.Answered == nil:
			errs = errors.Join(errs, fmt.Errorf("%s: its caller got no answer", inv.ID))
		case inv.Posted == nil:
		case inv.TimedOut != nil && inv.TimedOut.Seq < inv.Posted.Seq: // it was answered then
		case inv.Answered.Seq < inv.Posted.Seq || s.Exact && since(inv.Posted, inv.Answered) != 0:
			errs = errors.Join(errs, fmt.Errorf("%s: answered %s after the post", inv.ID, since(inv.Posted, inv.Answered)))
		}
	}
	return errs
}

// phasesEnd: no invocation is held until it times out, unless its own handler takes too long.
func phasesEnd(s *Story) (errs error) {
	for _, inv := range s.Invocations() {
		exit := s.next(inv.Released.Seq, is(lambdatest.KindProcessExit))
		if inv.TimedOut != nil && !s.Permit.Timeouts[inv.ID] {
			errs = errors.Join(errs, fmt.Errorf("%s: held until it timed out", inv.ID))
		}
		if inv.Done == nil && exit == nil {
			errs = errors.Join(errs, fmt.Errorf("%s: held to the end of the log", inv.ID))
		}
	}
	return errs
}

// theNextInvocationWaitsForNone: when the flush has ended, nothing else keeps the environment. A flush that ends is
// seen at the receiver, so in virtual time the extension asks for next at the very end of the last export, unless its
// client has given up on one, pauses between attempts, or waits for a handler that does not come.
func theNextInvocationWaitsForNone(s *Story) (errs error) {
	if !s.Exact || s.Permit.Beside {
		return nil
	}
	for _, inv := range s.Invocations() {
		var last *export
		for _, x := range s.exports() {
			if inv.Posted != nil && inv.Done != nil && x.begun.Seq > inv.Posted.Seq && x.begun.Seq < inv.Done.Seq {
				last = &x
			}
		}
		if last == nil || last.end.Kind != otlpreceiver.KindExportDone {
			continue
		}
		free := &last.end
		if late := s.next(free.Seq, is(lambdatest.KindInvokeReleased)); late != nil && late.Seq < inv.Done.Seq {
			free = late // a buffer that was half full had left before the extension knew of the invocation
		}
		if held := since(free, inv.Done); held != 0 {
			errs = errors.Join(errs, fmt.Errorf("%s: held for %s after its spans had arrived", inv.ID, held))
		}
	}
	return errs
}

// oneNextForEachEvent: an extension that asks more often is a busy loop, on the function's bill. A call that a process
// made at its end may be seen when the next one has begun already, and is not counted.
func oneNextForEachEvent(s *Story) (errs error) {
	earlier, asked, may := make(map[string]bool), 0, 1
	for _, e := range s.Events {
		switch e.Kind {
		case lambdatest.KindProcessStart:
			asked, may = 0, 1
			for _, inv := range s.Invocations() {
				earlier[inv.ID] = inv.Released.Seq < e.Seq
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
func shutdownIsGraceful(s *Story) (errs error) {
	const received, completed = " received", "graceful shutdown completed"
	signals := 0
	for _, e := range s.Events {
		if e.Kind != lambdatest.KindSigterm && e.Kind != KindSignal {
			continue
		}
		signals++
		end := s.next(e.Seq, is(lambdatest.KindProcessExit, lambdatest.KindSigkill))
		if end == nil || end.Kind != lambdatest.KindProcessExit || end.Count != 0 {
			errs = errors.Join(errs, fmt.Errorf("after the signal at %d came %v; want an exit with code 0", e.Seq, end))
		}
	}
	if n := len(s.Said("SIGTERM"+received)) + len(s.Said("SIGINT"+received)); n != signals {
		errs = errors.Join(errs, fmt.Errorf("%d lines say that a signal was received; want %d", n, signals))
	}
	if n := len(s.Said(completed)); n != signals {
		errs = errors.Join(errs, fmt.Errorf("%d lines say %q; want %d", n, completed, signals))
	}
	return errs
}

// SpansAreDelivered holds where what ended in the function is at the receiver, once, but for what is permitted. It is not
// among the rules of a log, because ids are not in it.
func SpansAreDelivered(s *Story, arrived []otlpreceiver.Span) (errs error) {
	ended, seen, copies := s.EndedSpans(), make(map[string]bool), 0
	for _, span := range arrived {
		if IsCopy(span) {
			copies++
			continue
		}
		if seen[span.SpanID] && !s.Permit.Twice {
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
	if len(missing) != s.Permit.Lost {
		errs = errors.Join(errs, fmt.Errorf("of %d spans %d did not arrive; want %d: %s",
			len(ended), len(missing), s.Permit.Lost, strings.Join(missing, " ")))
	}
	if copies != s.Permit.Copies {
		errs = errors.Join(errs, fmt.Errorf("%d copies of open spans arrived; want %d", copies, s.Permit.Copies))
	}
	return errs
}

// IsCopy reports whether a span says of itself that it is a copy of one that was open.
func IsCopy(span otlpreceiver.Span) bool { return span.Attributes["epilogue.provisional"] == true }
