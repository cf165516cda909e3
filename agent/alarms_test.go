package agent

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
)

// ringing are invocations whose alarms are recorded: 200 ms before the deadline.
func ringing() (v *invocations, rung chan string) {
	rung = make(chan string, 1000)
	b := budget.Budget{PreTimeoutFlush: 200 * time.Millisecond}
	plan := func(now, deadline time.Time) (flushAt, endSpansAt time.Time) {
		flushAt, _ = b.PreTimeout(now, deadline, 0)
		return flushAt, time.Time{}
	}
	return &invocations{alarms: alarms{plan: plan, ring: func(inv *invocation) { rung <- inv.id }}}, rung
}

func TestAlarmsRingOnceForWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, rung := ringing()
		deadline := time.Now().Add(time.Second)
		for _, id := range []string{"ends", "hangs", "comes again"} {
			v.begin(id, deadline, [8]byte{})
			v.begin(id, deadline, [8]byte{}) // twice changes nothing
		}
		v.begin("without deadline", time.Time{}, [8]byte{})
		v.begin("too late", time.Now(), [8]byte{})
		v.invoke("never begins", deadline)
		v.end("ends")
		v.end("comes again")
		v.begin("comes again", deadline.Add(time.Second), [8]byte{})
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
		v.end("hangs") // afterwards
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
		v := &invocations{}
		v.alarms.plan = func(time.Time, time.Time) (time.Time, time.Time) { return flushAt, endAt }
		v.alarms.ring = func(inv *invocation) {
			mu.Lock()
			defer mu.Unlock()
			_, endSpans := v.rang(inv)
			got = append(got, fmt.Sprint(inv.id, " ", time.Since(began), " ", endSpans))
		}
		v.begin("hangs", began, [8]byte{1})
		time.Sleep(time.Nanosecond)
		v.begin("rootless", began, [8]byte{})
		v.begin("returns", began, [8]byte{1})
		time.Sleep(850 * ms)
		v.end("returns")
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
		v.begin("end first", now, [8]byte{1})
		time.Sleep(time.Hour)
		synctest.Wait()
		if diff := cmp.Diff([]string{"end first 700ms true"}, got); diff != "" {
			t.Errorf("alarms (-want +got):\n%s", diff)
		}
	})
}

// TestAlarmsAreReused: a warm invocation costs no memory, and one that has rung is not kept.
func TestAlarmsAreReused(t *testing.T) {
	v, _ := ringing()
	inv := &invocation{deadline: time.Now().Add(time.Hour)}
	v.alarms.set(inv)
	v.alarms.clear(inv)
	if n := testing.AllocsPerRun(100, func() { v.alarms.set(inv); v.alarms.clear(inv) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if len(v.alarms.idle) != 1 {
		t.Errorf("%d alarms for one invocation at a time", len(v.alarms.idle))
	}
	synctest.Test(t, func(t *testing.T) {
		v, rung := ringing()
		for i := range 3 {
			v.begin(strconv.Itoa(i), time.Now().Add(time.Second), [8]byte{})
			time.Sleep(time.Second)
			v.end(strconv.Itoa(i))
		}
		if len(rung) != 3 || len(v.alarms.idle) != 0 {
			t.Errorf("%d alarms, %d to be used again", len(rung), len(v.alarms.idle))
		}
	})
}
