package harness

import (
	"errors"
	"fmt"
	"strings"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// Rules hold of every log, whatever the function, the backend or the platform does.
var Rules = map[string]func(*Events) error{
	"exports follow the response":             exportsFollowTheResponse,
	"next follows the flush":                  nextFollowsTheFlush,
	"nothing is sent while frozen":            nothingIsSentWhileFrozen,
	"callers are answered at the response":    callersAreAnsweredAtTheResponse,
	"invocations end":                         invocationsEnd,
	"nothing holds an invocation but a flush": nothingHoldsAnInvocationButAFlush,
	"one call of next for each event":         oneNextForEachEvent,
	"shutdown is graceful":                    shutdownIsGraceful,
}

// CheckRules applies all rules.
func (ev *Events) CheckRules() (errs error) {
	for name, check := range Rules {
		if err := check(ev); err != nil {
			errs = errors.Join(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errs
}

// An export before the runtime has posted competes with the response for the CPU of a small function. After a signal
// nothing is posted.
func exportsFollowTheResponse(ev *Events) (errs error) {
	ends := Of(lambdatest.KindProcessExit, lambdatest.KindSigterm, KindSignal)
	for _, inv := range ev.Invocations() {
		if ev.Allow.Early[inv.ID] || ev.Allow.Background {
			continue
		}
		over := ev.Next(inv.Released.Seq, func(e eventlog.Event) bool {
			return ends(e) || inv.Posted != nil && e.Seq == inv.Posted.Seq || inv.TimedOut != nil && e.Seq == inv.TimedOut.Seq
		})
		begun := ev.Next(inv.Released.Seq, Of(otlpreceiver.KindExportBegun))
		if begun != nil && (over == nil || begun.Seq < over.Seq) {
			errs = errors.Join(errs, fmt.Errorf("%s: an export began before the outcome was posted (event %d)", inv.ID, begun.Seq))
		}
	}
	return errs
}

// By calling next the extension lets the platform freeze the environment, in the middle of a request that is under way.
func nextFollowsTheFlush(ev *Events) (errs error) {
	if ev.Allow.Background {
		return nil
	}
	for _, inv := range ev.Invocations() {
		for _, e := range ev.All {
			current := e.Seq > inv.Released.Seq && (inv.Done == nil || e.Seq < inv.Done.Seq)
			if e.Kind != lambdatest.KindExtensionNext || e.RequestID != inv.ID || !current {
				continue
			}
			for _, x := range ev.requests() {
				if x.openAt(e.Seq) {
					errs = errors.Join(errs, fmt.Errorf("%s: the extension called next during %s", inv.ID, x.number))
				}
			}
		}
	}
	return errs
}

// A request that a freeze interrupts may fail after the thaw, an hour later, or arrive twice.
func nothingIsSentWhileFrozen(ev *Events) (errs error) {
	if ev.Allow.Background {
		return nil
	}
	frozen := false
	for _, e := range ev.All {
		switch e.Kind {
		case lambdatest.KindFreeze:
			frozen = true
			for _, x := range ev.requests() {
				if x.openAt(e.Seq) {
					errs = errors.Join(errs, fmt.Errorf("the environment froze during %s", x.number))
				}
			}
		case lambdatest.KindThaw, lambdatest.KindProcessExit:
			frozen = false
		case otlpreceiver.KindExportBegun:
			if frozen {
				errs = errors.Join(errs, fmt.Errorf("a frozen process sent %s", e.Detail))
			}
		case lambdatest.KindFrozenActivity:
			// Of several requests at once, one may take the connection that net/http opens for another. The freeze may
			// then find the other one's dial, which no request needs.
			if e.Who == ev.Backend && e.Detail != "dial" {
				errs = errors.Join(errs, errors.New("a frozen process tried to reach the backend"))
			}
		}
	}
	return errs
}

// No caller waits for telemetry. If the process exits before the end of the post, its caller is answered at the exit.
func callersAreAnsweredAtTheResponse(ev *Events) (errs error) {
	for _, inv := range ev.Invocations() {
		outcome := inv.Posted
		if exit := ev.Next(inv.Released.Seq, Of(lambdatest.KindProcessExit)); exit != nil && outcome != nil && exit.Seq < outcome.Seq {
			outcome = exit
		}
		switch {
		case inv.Answered == nil:
			errs = errors.Join(errs, fmt.Errorf("%s: its caller got no answer", inv.ID))
		case outcome == nil:
		case inv.TimedOut != nil && inv.TimedOut.Seq < outcome.Seq: // it was answered at the timeout
		case inv.Answered.Seq < outcome.Seq || ev.Virtual && since(outcome, inv.Answered) != 0:
			errs = errors.Join(errs, fmt.Errorf("%s: answered %s after %s", inv.ID, since(outcome, inv.Answered), outcome.Kind))
		}
	}
	return errs
}

// No invocation is held until it times out, unless its own handler takes too long.
func invocationsEnd(ev *Events) (errs error) {
	for _, inv := range ev.Invocations() {
		exit := ev.Next(inv.Released.Seq, Of(lambdatest.KindProcessExit))
		if inv.TimedOut != nil && !ev.Allow.Timeouts[inv.ID] {
			errs = errors.Join(errs, fmt.Errorf("%s: held until it timed out", inv.ID))
		}
		if inv.Done == nil && exit == nil {
			errs = errors.Join(errs, fmt.Errorf("%s: held to the end of the log", inv.ID))
		}
	}
	return errs
}

// In virtual time the extension calls next at the very end of the export that ends last. Exceptions are an export that its client
// gave up, pauses between attempts, and the wait for a handler that does not start.
func nothingHoldsAnInvocationButAFlush(ev *Events) (errs error) {
	if !ev.Virtual || ev.Allow.Background || ev.Allow.Pauses {
		return nil
	}
	for _, inv := range ev.Invocations() {
		var last *export
		for _, x := range ev.requests() {
			after := inv.Posted != nil && inv.Done != nil && x.begun.Seq > inv.Posted.Seq && x.begun.Seq < inv.Done.Seq
			if after && (last == nil || x.ended.Seq > last.ended.Seq) {
				last = &x
			}
		}
		if last == nil || last.ended.Kind != otlpreceiver.KindExportDone {
			continue
		}
		free := &last.ended
		if late := ev.Next(free.Seq, Of(lambdatest.KindInvokeReleased)); late != nil && late.Seq < inv.Done.Seq {
			free = late // a half-full queue was exported before the extension knew of the invocation
		}
		if held := since(free, inv.Done); held != 0 {
			errs = errors.Join(errs, fmt.Errorf("%s: held for %s after its spans had arrived", inv.ID, held))
		}
	}
	return errs
}

// An extension that calls next more often is a busy loop, on the function's bill. The log may show a process's last call
// after the start of the next process; such a call is not counted.
func oneNextForEachEvent(ev *Events) (errs error) {
	earlier, calls, most := make(map[string]bool), 0, 1
	for _, e := range ev.All {
		switch e.Kind {
		case lambdatest.KindProcessStart:
			calls, most = 0, 1
			for _, inv := range ev.Invocations() {
				earlier[inv.ID] = inv.Released.Seq < e.Seq
			}
		case lambdatest.KindInvokeReleased, lambdatest.KindExtensionNextBroken:
			most++
		case lambdatest.KindExtensionNext:
			if earlier[e.RequestID] {
				continue
			}
			if calls++; calls > most {
				errs = errors.Join(errs, fmt.Errorf("next was called %d times for %d events (event %d)", calls, most-1, e.Seq))
			}
		}
	}
	return errs
}

// SIGTERM leads to exit code 0 before SIGKILL, with the two log lines that a user looks for.
func shutdownIsGraceful(ev *Events) (errs error) {
	signals := 0
	for _, e := range ev.All {
		if e.Kind != lambdatest.KindSigterm && e.Kind != KindSignal {
			continue
		}
		signals++
		end := ev.Next(e.Seq, Of(lambdatest.KindProcessExit, lambdatest.KindSigkill))
		if end == nil || end.Kind != lambdatest.KindProcessExit || end.Count != 0 {
			errs = errors.Join(errs, fmt.Errorf("after the signal at %d came %v; want an exit with code 0", e.Seq, end))
		}
	}
	if n := len(ev.Lines("SIGTERM received")) + len(ev.Lines("SIGINT received")); n != signals {
		errs = errors.Join(errs, fmt.Errorf("%d lines say that a signal was received; want %d", n, signals))
	}
	if n := len(ev.Lines(shutdownCompleted)); n != signals {
		errs = errors.Join(errs, fmt.Errorf("%d lines say %q; want %d", n, shutdownCompleted, signals))
	}
	return errs
}

// CheckDelivery compares the spans that ended in the function with those that arrived: each once, unless an exception is
// allowed.
func (ev *Events) CheckDelivery(arrived []otlpreceiver.Span) (errs error) {
	ended, seen := ev.EndedSpans(), make(map[string]bool)
	for _, span := range arrived {
		if seen[span.SpanID] && !ev.Allow.Twice {
			errs = errors.Join(errs, fmt.Errorf("span %s %q arrived twice", span.SpanID, span.Name))
		}
		if _, ok := ended[span.SpanID]; !ok {
			errs = errors.Join(errs, fmt.Errorf("span %s %q arrived and never ended", span.SpanID, span.Name))
		}
		seen[span.SpanID] = true
	}
	var missing []string
	for id, name := range ended {
		if !seen[id] {
			missing = append(missing, id+" "+name)
		}
	}
	if len(missing) != ev.Allow.Lost {
		errs = errors.Join(errs, fmt.Errorf("of %d spans %d did not arrive; want %d: %.2000s",
			len(ended), len(missing), ev.Allow.Lost, strings.Join(missing, ", ")))
	}
	return errs
}
