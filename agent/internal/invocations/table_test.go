package invocations

import (
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func firstEnd(v *Table, id string) bool {
	_, first := v.End(id)
	return first
}

// TestRetryUnderTheSameRequestID: Lambda retries failed asynchronous invocations with the request id of the first try.
func TestRetryUnderTheSameRequestID(t *testing.T) {
	for _, order := range []string{"INVOKE first", "handler first"} {
		t.Run(order, func(t *testing.T) {
			var v Table
			v.Invoke("r", time.Time{})
			v.Begin("r", time.Time{}, [8]byte{1})
			v.End("r")

			var retry *Invocation
			if order == "INVOKE first" {
				retry = v.Invoke("r", time.Time{})
				v.Begin("r", time.Time{}, [8]byte{2})
			} else {
				v.Begin("r", time.Time{}, [8]byte{2})
				retry = v.Invoke("r", time.Time{})
			}
			if !retry.isRunning() || retry.Root != [8]byte{2} {
				t.Errorf("the retry is not in flight under its own root: %+v", retry)
			}
			if !firstEnd(&v, "r") || !retry.HasEnded() {
				t.Error("the end of the retry does not count")
			}
		})
	}
}

func TestOrphansAreEndsWithoutInvokeAndFlush(t *testing.T) {
	var v Table
	v.Invoke("seen", time.Time{})
	v.End("seen")
	v.Begin("in flight", time.Time{}, [8]byte{})
	if _, found := v.Orphans(); found {
		t.Error("found one where all have been seen or have not ended")
	}
	at := time.Unix(1_700_000_000, 0)
	for i := range 3 {
		v.Begin(strconv.Itoa(i), at.Add(time.Duration(i%2)*time.Second), [8]byte{})
		v.End(strconv.Itoa(i))
	}
	v.End("unseen")
	flushed, _ := v.Begin("flushed", at.Add(time.Hour), [8]byte{})
	v.RecordFlush(flushed.Invocation, nil)
	v.End("flushed")
	if deadline, found := v.Orphans(); !found || !deadline.Equal(at.Add(time.Second)) {
		t.Errorf("found %t, deadline %v, want the latest", found, deadline)
	}
	if _, found := v.Orphans(); found {
		t.Error("found twice")
	}
	if inv := v.Invoke("unseen", time.Time{}); !inv.HasEnded() {
		t.Error("its INVOKE, when it comes after all, is waited on")
	}
}

// TestOnlyPastInvocationsAreForgotten asserts that invocations in flight are never forgotten, however many there are,
// and that the memory of past ones is bounded.
func TestOnlyPastInvocationsAreForgotten(t *testing.T) {
	const inFlight = 2 * maxPast
	var v Table
	held := v.Invoke("held", time.Time{})
	for i := range inFlight {
		v.Begin("running-"+strconv.Itoa(i), time.Time{}, [8]byte{1})
	}
	late := v.Invoke("late", time.Time{})
	v.Release(late)
	v.Begin("late", time.Time{}, [8]byte{2}) // a past one that comes into flight
	for i := range 3 * maxPast {
		id := strconv.Itoa(i)
		v.Begin(id, time.Time{}, [8]byte{})
		v.End(id)
		v.Release(v.Invoke("undecodable-"+id, time.Time{}))
	}
	if n, most := len(v.byID), inFlight+2+maxPast; n > most {
		t.Errorf("%d remembered, want at most %d", n, most)
	}
	if ids, roots := v.InFlight(); len(ids) != inFlight+1 || len(roots) != len(ids) {
		t.Errorf("%d in flight with %d roots, want %d", len(ids), len(roots), inFlight+1)
	}
	if firstEnd(&v, strconv.Itoa(3*maxPast-1)) {
		t.Error("the youngest was forgotten before the older ones")
	}
	for _, inv := range []*Invocation{held, late} {
		if !firstEnd(&v, inv.ID) || !inv.HasEnded() {
			t.Errorf("%s was forgotten: the loop would wait for it forever", inv.ID)
		}
	}
}

// TestReplacedInvocationIsNotWaitedFor has the same id come again while the loop waits for its end.
func TestReplacedInvocationIsNotWaitedFor(t *testing.T) {
	var v Table
	first := v.Invoke("r", time.Time{})
	v.Begin("r", time.Time{}, [8]byte{})
	v.Invoke("r", time.Time{})
	if !first.HasEnded() {
		t.Error("the loop waits forever for the first")
	}
}

// TestRetryOfAReleasedInvocation asserts that the INVOKE of a retry is waited on, although the first try was released and
// ended later.
func TestRetryOfAReleasedInvocation(t *testing.T) {
	var v Table
	v.Release(v.Invoke("r", time.Time{}))
	v.Begin("r", time.Time{}, [8]byte{1})
	v.End("r")
	retry := v.Invoke("r", time.Time{})
	if retry.HasEnded() || v.Find("r").Released() {
		t.Error("the retry counts as over before it has begun")
	}
	v.Begin("r", time.Time{}, [8]byte{2})
	if !firstEnd(&v, "r") || !retry.HasEnded() {
		t.Error("the end of the retry does not count")
	}
}

// TestForgottenTryLeavesItsRetry asserts that the retry of an invocation stays known when the first try is forgotten.
func TestForgottenTryLeavesItsRetry(t *testing.T) {
	var v Table
	v.Begin("r", time.Time{}, [8]byte{1})
	v.End("r")
	v.Invoke("r", time.Time{})          // of the first try, which has ended
	retry := v.Invoke("r", time.Time{}) // of the retry
	for i := range 2 * maxPast {
		v.Begin(strconv.Itoa(i), time.Time{}, [8]byte{})
		v.End(strconv.Itoa(i))
	}
	if !firstEnd(&v, "r") || !retry.HasEnded() {
		t.Error("the retry was forgotten: the loop would wait for it forever")
	}
}

// TestAlarmRingsIfTheInvocationHasNotEnded asserts that an alarm of an invocation that has ended, or was replaced, is
// silent.
func TestAlarmRingsIfTheInvocationHasNotEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var v Table
		rung := make(chan string, 10)
		set := func(id string, in time.Duration, endSpans bool) *Invocation {
			s, _ := v.Begin(id, time.Time{}, [8]byte{})
			v.SetAlarm(s.Invocation, time.Now().Add(in), endSpans, func() { rung <- id + " after " + in.String() })
			return s.Invocation
		}
		set("hangs", 200*time.Millisecond, true)
		set("hangs", 100*time.Millisecond, false)
		set("ends", time.Second, false)
		v.End("ends")
		replaced := set("comes again", time.Second, false)
		v.Invoke("comes again", time.Time{})
		v.Invoke("comes again", time.Time{})
		v.SetAlarm(replaced, time.Now(), false, func() { rung <- "too late" })
		time.Sleep(150 * time.Millisecond)
		if s := v.Find("hangs"); !s.Rang || s.SpansEnded {
			t.Errorf("after the first alarm: rang %t, spans ended %t", s.Rang, s.SpansEnded)
		}
		time.Sleep(time.Hour)
		if s, _ := v.End("hangs"); !s.SpansEnded {
			t.Error("after the second alarm its spans have not ended")
		}
		synctest.Wait()
		close(rung)
		var got []string
		for id := range rung {
			got = append(got, id)
		}
		if want := []string{"hangs after 100ms", "hangs after 200ms"}; !slices.Equal(got, want) {
			t.Errorf("rung: %q, want %q", got, want)
		}
	})
}
