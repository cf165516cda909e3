package invocations

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ringing are invocations whose alarms are recorded: 200 ms before the deadline.
func ringing() (v *Table, rung chan string) {
	rung = make(chan string, 1000)
	plan := func(now, deadline time.Time) (flushAt, endSpansAt time.Time) {
		if deadline.After(now) {
			flushAt = deadline.Add(-200 * time.Millisecond)
		}
		return flushAt, time.Time{}
	}
	return &Table{Alarms: Alarms{Plan: plan, Ring: func(inv *Invocation) { rung <- inv.ID }}}, rung
}

func TestAlarmsRingOnceForWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, rung := ringing()
		deadline := time.Now().Add(time.Second)
		for _, id := range []string{"ends", "hangs", "comes again"} {
			v.Begin(id, deadline, [8]byte{})
			v.Begin(id, deadline, [8]byte{}) // twice changes nothing
		}
		v.Begin("without deadline", time.Time{}, [8]byte{})
		v.Begin("too late", time.Now(), [8]byte{})
		v.Invoke("never begins", deadline)
		v.End("ends")
		v.End("comes again")
		v.Begin("comes again", deadline.Add(time.Second), [8]byte{})
		time.Sleep(799 * time.Millisecond)
		synctest.Wait()
		if len(rung) != 0 {
			t.Errorf("%s rings early", <-rung)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if len(rung) != 1 || <-rung != "hangs" {
			t.Errorf("want one alarm at 800ms")
		}
		v.End("hangs") // afterwards
		time.Sleep(time.Second)
		synctest.Wait()
		if len(rung) != 1 || <-rung != "comes again" {
			t.Errorf("want one alarm at 1.8s")
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(rung) != 0 {
			t.Errorf("%s rings late", <-rung)
		}
	})
}

// TestAlarmsRingAgainToEndSpans asserts that an alarm rings for the flush and again for the end of spans, or once if that
// comes first, and never for a handler that has returned between.
func TestAlarmsRingAgainToEndSpans(t *testing.T) {
	const ms = time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		flushAt, endAt := began.Add(800*ms), began.Add(900*ms)
		var mu sync.Mutex
		var got []string
		v := &Table{}
		v.Alarms.Plan = func(time.Time, time.Time) (time.Time, time.Time) { return flushAt, endAt }
		v.Alarms.Ring = func(inv *Invocation) {
			mu.Lock()
			defer mu.Unlock()
			endSpans := v.Rang(inv)
			got = append(got, fmt.Sprint(inv.ID, " ", time.Since(began), " ", endSpans))
		}
		v.Begin("hangs", began, [8]byte{1})
		time.Sleep(time.Nanosecond)
		v.Begin("rootless", began, [8]byte{})
		v.Begin("returns", began, [8]byte{1})
		time.Sleep(850 * ms)
		v.End("returns")
		time.Sleep(time.Hour)
		synctest.Wait()
		slices.Sort(got)
		want := []string{
			"hangs 800ms false", "hangs 900ms true", "returns 800ms false", "rootless 800ms false", "rootless 900ms false",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("alarms (-want +got):\n%s", diff)
		}
		got = nil
		now := time.Now()
		flushAt, endAt = now.Add(800*ms), now.Add(700*ms)
		began = now
		v.Begin("end first", now, [8]byte{1})
		time.Sleep(time.Hour)
		synctest.Wait()
		if diff := cmp.Diff([]string{"end first 700ms true"}, got); diff != "" {
			t.Errorf("alarms (-want +got):\n%s", diff)
		}
	})
}
