package agent

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// ringing are invocations whose alarms are heard.
func ringing() (v *invocations, heard chan string) {
	heard = make(chan string, 1000)
	b := budget{timeoutGuard: 200 * time.Millisecond}
	return &invocations{alarms: alarms{after: b.guard, ring: func(inv *invocation) { heard <- inv.id }}}, heard
}

func TestAlarmsRingOnceForWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, heard := ringing()
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
		if len(heard) != 0 {
			t.Errorf("%s rings early", <-heard)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if len(heard) != 1 || <-heard != "hangs" {
			t.Errorf("want one alarm at 800ms")
		}
		v.end("hangs") // afterwards
		time.Sleep(time.Second)
		synctest.Wait()
		if len(heard) != 1 || <-heard != "comes again" {
			t.Errorf("want one alarm at 1.8s")
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(heard) != 0 {
			t.Errorf("%s rings late", <-heard)
		}
	})
}

func TestForgottenInvocationsDoNotRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, heard := ringing()
		for i := range 2 * maxInvocations {
			v.begin(strconv.Itoa(i), time.Now().Add(time.Second), [8]byte{})
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(heard) != maxInvocations {
			t.Errorf("%d alarms, want those of the last %d", len(heard), maxInvocations)
		}
	})
}

// TestAlarmsAreUsedAgain: a warm invocation costs no memory, and one that has rung is let go.
func TestAlarmsAreUsedAgain(t *testing.T) {
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
		v, heard := ringing()
		for i := range 3 {
			v.begin(strconv.Itoa(i), time.Now().Add(time.Second), [8]byte{})
			time.Sleep(time.Second)
			v.end(strconv.Itoa(i))
		}
		if len(heard) != 3 || len(v.alarms.idle) != 0 {
			t.Errorf("%d alarms, %d to be used again", len(heard), len(v.alarms.idle))
		}
	})
}

func TestGuardBudget(t *testing.T) {
	const ms = time.Millisecond
	now := time.Unix(1_700_000_000, 0)
	for _, tt := range []struct {
		lead, left, want time.Duration
		never            bool
	}{
		{lead: 200 * ms, left: 3 * time.Second, want: 2800 * ms},
		{lead: 200 * ms, left: 400 * ms, want: 200 * ms},
		{lead: 200 * ms, left: 300 * ms, want: 150 * ms},
		{lead: 200 * ms, left: 2 * ms, want: ms},
		{lead: time.Minute, left: time.Minute, want: 30 * time.Second},
		{lead: 200 * ms, left: 0, never: true},
		{lead: 200 * ms, left: -time.Second, never: true},
		{lead: 0, left: 3 * time.Second, never: true},
	} {
		got, ok := budget{timeoutGuard: tt.lead}.guard(now, now.Add(tt.left))
		if got != tt.want || ok == tt.never {
			t.Errorf("%v before the end of %v: after %v, %t", tt.lead, tt.left, got, ok)
		}
	}
	if _, ok := (budget{timeoutGuard: time.Second}).guard(now, time.Time{}); ok {
		t.Error("an unknown deadline is guarded")
	}
}
