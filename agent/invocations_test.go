package agent

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/extensionsapi"
)

// TestInvocationInEveryOrder has the three reports of one invocation come in each order in which they can.
func TestInvocationInEveryOrder(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	for _, order := range [][]string{
		{"invoke", "begin", "end"},
		{"begin", "invoke", "end"},
		{"begin", "end", "invoke"},
		{"invoke", "end"},
		{"end", "invoke"},
	} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			var v invocations
			var invoked *invocation
			for _, report := range order {
				switch report {
				case "invoke":
					invoked = v.invoke("r", at)
				case "begin":
					v.begin("r", at, [8]byte{1})
				case "end":
					if !v.end("r").first {
						t.Error("not the first end")
					}
				}
			}
			if len(v.byID) != 1 || v.byID["r"] != invoked {
				t.Fatalf("%d invocations remembered", len(v.byID))
			}
			if !invoked.hasEnded() || invoked.hasBegun() != slices.Contains(order, "begin") {
				t.Errorf("begun %t, ended %t", invoked.hasBegun(), invoked.hasEnded())
			}
			if v.end("r").first {
				t.Error("the second end counts as the first")
			}
		})
	}
}

func TestDoubleBeginChangesNothing(t *testing.T) {
	var v invocations
	v.begin("r", time.Time{}, [8]byte{1})
	v.begin("r", time.Time{}, [8]byte{2})
	if _, roots := v.inFlight(); len(roots) != 1 || roots[0] != [8]byte{1} {
		t.Errorf("roots in flight: %v", roots)
	}
}

// TestRetryUnderTheSameRequestID: Lambda retries failed asynchronous invocations with the request id of the first try.
func TestRetryUnderTheSameRequestID(t *testing.T) {
	for _, order := range []string{"INVOKE first", "handler first"} {
		t.Run(order, func(t *testing.T) {
			var v invocations
			v.invoke("r", time.Time{})
			v.begin("r", time.Time{}, [8]byte{1})
			v.end("r")

			var retry *invocation
			if order == "INVOKE first" {
				retry = v.invoke("r", time.Time{})
				v.begin("r", time.Time{}, [8]byte{2})
			} else {
				v.begin("r", time.Time{}, [8]byte{2})
				retry = v.invoke("r", time.Time{})
			}
			if retry.handler != handlerRunning || retry.root != [8]byte{2} {
				t.Errorf("the retry is not in flight under its own root: %+v", retry)
			}
			if !v.end("r").first || !retry.hasEnded() {
				t.Error("the end of the retry does not count")
			}
		})
	}
}

func TestReleaseAndBegin(t *testing.T) {
	var v invocations
	late := v.invoke("late", time.Time{})
	if !v.release(late) || !v.isReleased("late") {
		t.Error("not released")
	}
	if !v.begin("late", time.Time{}, [8]byte{}) {
		t.Error("a begin after the release is not late")
	}
	if e := v.end("late"); !e.first || !e.released {
		t.Errorf("end: first %t, released %t", e.first, e.released)
	}

	begun := v.invoke("begun", time.Time{})
	if v.begin("begun", time.Time{}, [8]byte{}) {
		t.Error("a begin in time is late")
	}
	if v.release(begun) || v.isReleased("begun") {
		t.Error("released although the handler runs")
	}
}

func TestOrphanFindsEndsWithoutAFlush(t *testing.T) {
	var v invocations
	v.invoke("seen", time.Time{})
	v.end("seen")
	v.begin("in flight", time.Time{}, [8]byte{})
	if _, found := v.orphan(); found {
		t.Error("found one where all have been seen or have not ended")
	}
	at := time.Unix(1_700_000_000, 0)
	for i := range 3 {
		v.begin(strconv.Itoa(i), at.Add(time.Duration(i%2)*time.Second), [8]byte{})
		v.end(strconv.Itoa(i))
	}
	v.end("unseen")
	if deadline, found := v.orphan(); !found || !deadline.Equal(at.Add(time.Second)) {
		t.Errorf("found %t, deadline %v, want the latest", found, deadline)
	}
	if _, found := v.orphan(); found {
		t.Error("found twice")
	}
	if inv := v.invoke("unseen", time.Time{}); !inv.hasEnded() {
		t.Error("its INVOKE, when it comes after all, is waited on")
	}
}

// TestOnlyPastInvocationsAreForgotten asserts that invocations in flight are never forgotten, however many there are,
// and that the memory of past ones is bounded.
func TestOnlyPastInvocationsAreForgotten(t *testing.T) {
	const inFlight = 2 * maxPast
	var v invocations
	held := v.invoke("held", time.Time{})
	for i := range inFlight {
		v.begin("running-"+strconv.Itoa(i), time.Time{}, [8]byte{1})
	}
	late := v.invoke("late", time.Time{})
	v.release(late)
	v.begin("late", time.Time{}, [8]byte{2}) // a past one that comes into flight
	for i := range 3 * maxPast {
		id := strconv.Itoa(i)
		v.begin(id, time.Time{}, [8]byte{})
		v.end(id)
		v.forgettable(v.invoke("unwrapped-"+id, time.Time{}))
	}
	if n, most := len(v.byID), inFlight+2+maxPast; n > most {
		t.Errorf("%d remembered, want at most %d", n, most)
	}
	if n, roots := v.inFlight(); n != inFlight+1 || len(roots) != n {
		t.Errorf("%d in flight with %d roots, want %d", n, len(roots), inFlight+1)
	}
	if v.end(strconv.Itoa(3*maxPast - 1)).first {
		t.Error("the youngest was forgotten before the older ones")
	}
	for _, inv := range []*invocation{held, late} {
		if !v.end(inv.id).first || !inv.hasEnded() {
			t.Errorf("%s was forgotten: the loop would wait for it forever", inv.id)
		}
	}
}

// TestReplacedInvocationIsNotWaitedFor has the same id come again while the loop waits for its end.
func TestReplacedInvocationIsNotWaitedFor(t *testing.T) {
	var v invocations
	first := v.invoke("r", time.Time{})
	v.begin("r", time.Time{}, [8]byte{})
	v.invoke("r", time.Time{})
	if !first.hasEnded() {
		t.Error("the loop waits forever for the first")
	}
}

// TestBeginRacesWithTheStartWait is for the race detector: the deadline of an invocation may still come while it is released.
func TestBeginRacesWithTheStartWait(t *testing.T) {
	a := newAgent(t.Context(), MultiFlusher(), []Option{WithHandlerStartWait(0), WithProcess(Process{Getenv: func(string) string { return "" }})})
	for i := range 2000 {
		id := strconv.Itoa(i)
		inv := a.invocations.invoke(id, time.Time{})
		done := make(chan struct{})
		go func() { defer close(done); a.awaitBegin(inv) }()
		a.invocations.begin(id, time.Now().Add(time.Minute), [8]byte{1})
		<-done
	}
}

// TestRetryOfAReleasedInvocation asserts that the INVOKE of a retry is waited on, although the first try was released and
// ended later.
func TestRetryOfAReleasedInvocation(t *testing.T) {
	var v invocations
	v.release(v.invoke("r", time.Time{}))
	v.begin("r", time.Time{}, [8]byte{1})
	v.end("r")
	retry := v.invoke("r", time.Time{})
	if retry.hasEnded() || v.isReleased("r") {
		t.Error("the retry counts as over before it has begun")
	}
	if v.begin("r", time.Time{}, [8]byte{2}) || !v.end("r").first || !retry.hasEnded() {
		t.Error("the end of the retry does not count")
	}
}

// TestForgottenTryLeavesItsRetry asserts that the retry of an invocation stays known when the first try is forgotten.
func TestForgottenTryLeavesItsRetry(t *testing.T) {
	var v invocations
	v.begin("r", time.Time{}, [8]byte{1})
	v.end("r")
	retry := v.invoke("r", time.Time{}) // of the first try, which has ended
	retry = v.invoke("r", time.Time{})  // of the retry
	for i := range 2 * maxPast {
		v.begin(strconv.Itoa(i), time.Time{}, [8]byte{})
		v.end(strconv.Itoa(i))
	}
	if !v.end("r").first || !retry.hasEnded() {
		t.Error("the retry was forgotten: the loop would wait for it forever")
	}
}

// TestEndAfterTheDeadlineIsNotDeferred asserts that the strategy defers no flush at an end after the deadline: there may
// be no later one.
func TestEndAfterTheDeadlineIsNotDeferred(t *testing.T) {
	flushes := 0
	f := plain{flush: func(context.Context) error { flushes++; return nil }}
	process := Process{Getenv: func(string) string { return "" }}
	a := newAgent(t.Context(), f, []Option{WithFlushStrategy(Periodic(time.Minute)), WithProcess(process)})
	a.Attach()
	for i, c := range []struct {
		left time.Duration
		want int
	}{{time.Minute, 1}, {time.Minute, 1}, {-time.Millisecond, 2}} {
		event := extensionsapi.Event{RequestID: strconv.Itoa(i), Deadline: time.Now().Add(c.left)}
		a.invocations.end(event.RequestID)
		a.invoked(event)
		if flushes != c.want {
			t.Errorf("after invocation %d, %v before its deadline: %d flushes, want %d", i+1, c.left, flushes, c.want)
		}
	}
}
