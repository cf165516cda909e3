package agent

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"
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
					if first, _ := v.end("r"); !first {
						t.Error("not the first end")
					}
				}
			}
			if len(v.all) != 1 || v.all[0] != invoked {
				t.Fatalf("%d invocations remembered", len(v.all))
			}
			if !invoked.hasEnded() || invoked.hasBegun() != slices.Contains(order, "begin") {
				t.Errorf("begun %t, ended %t", invoked.hasBegun(), invoked.hasEnded())
			}
			if first, _ := v.end("r"); first {
				t.Error("the second end counts as the first")
			}
		})
	}
}

func TestDoubleBeginChangesNothing(t *testing.T) {
	var v invocations
	v.begin("r", time.Time{}, [8]byte{1})
	v.begin("r", time.Time{}, [8]byte{2})
	if roots := v.roots(); len(roots) != 1 || roots[0] != [8]byte{1} {
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
			if !retry.inFlight() || retry.root != [8]byte{2} {
				t.Errorf("the retry is not in flight under its own root: %+v", retry)
			}
			if first, _ := v.end("r"); !first || !retry.hasEnded() {
				t.Error("the end of the retry does not count")
			}
		})
	}
}

func TestReleaseAndBegin(t *testing.T) {
	var v invocations
	late := v.invoke("late", time.Time{})
	if !v.release(late) || !v.isLetGo("late") {
		t.Error("not let go")
	}
	if !v.begin("late", time.Time{}, [8]byte{}) {
		t.Error("a begin after the release is not late")
	}
	if first, letGo := v.end("late"); !first || !letGo {
		t.Errorf("end: first %t, let go %t", first, letGo)
	}

	begun := v.invoke("begun", time.Time{})
	if v.begin("begun", time.Time{}, [8]byte{}) {
		t.Error("a begin in time is late")
	}
	if v.release(begun) || v.isLetGo("begun") {
		t.Error("let go although the handler runs")
	}
}

func TestForsakeFindsEndsThatNobodyFlushed(t *testing.T) {
	var v invocations
	v.invoke("seen", time.Time{})
	v.end("seen")
	v.begin("in flight", time.Time{}, [8]byte{})
	if _, found := v.forsake(); found {
		t.Error("found one where all have been seen or have not ended")
	}
	at := time.Unix(1_700_000_000, 0)
	for i := range 3 {
		v.begin(strconv.Itoa(i), at.Add(time.Duration(i%2)*time.Second), [8]byte{})
		v.end(strconv.Itoa(i))
	}
	v.end("unseen")
	if deadline, found := v.forsake(); !found || !deadline.Equal(at.Add(time.Second)) {
		t.Errorf("found %t, deadline %v, want the latest", found, deadline)
	}
	if _, found := v.forsake(); found {
		t.Error("found twice")
	}
	if inv := v.invoke("unseen", time.Time{}); !inv.hasEnded() {
		t.Error("its INVOKE, when it comes after all, is waited on")
	}
}

func TestInvocationsAreBounded(t *testing.T) {
	var v invocations
	v.begin("long", time.Time{}, [8]byte{1})
	for i := range 3 * maxInvocations {
		id := strconv.Itoa(i)
		v.begin(id, time.Time{}, [8]byte{})
		v.end(id)
	}
	if len(v.all) != maxInvocations {
		t.Errorf("%d remembered, want %d", len(v.all), maxInvocations)
	}
	if roots := v.roots(); len(roots) != 1 || roots[0] != [8]byte{1} {
		t.Errorf("the one in flight was forgotten before the past ones: %v", roots)
	}
	if first, _ := v.end(strconv.Itoa(3*maxInvocations - 1)); first {
		t.Error("the youngest was forgotten before the older ones")
	}
}

func TestForgottenInvocationIsNotWaitedFor(t *testing.T) {
	var v invocations
	held := v.invoke("held", time.Time{})
	v.begin("held", time.Time{}, [8]byte{})
	for i := range maxInvocations {
		v.begin(strconv.Itoa(i), time.Time{}, [8]byte{}) // none ever ends
	}
	if !held.hasEnded() {
		t.Error("who waits for the forgotten invocation waits for ever")
	}
	if len(v.all) != maxInvocations {
		t.Errorf("%d remembered", len(v.all))
	}
}

// TestBeginRacesWithTheGrace is for the race detector: the deadline of an invocation may still come while it is let go.
func TestBeginRacesWithTheGrace(t *testing.T) {
	a := newAgent(t.Context(), Join(), []Option{WithGrace(0), WithProcess(Process{Getenv: func(string) string { return "" }})})
	for i := range 2000 {
		id := strconv.Itoa(i)
		inv := a.invocations.invoke(id, time.Time{})
		done := make(chan struct{})
		go func() { defer close(done); a.awaitBegin(inv) }()
		a.invocations.begin(id, time.Now().Add(time.Minute), [8]byte{1})
		<-done
	}
}
