package lambdatest_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/epilogue-go/epilogue/lambdatest"
)

func TestInvocationsReport(t *testing.T) {
	var calls atomic.Int32 // of both processes: the first's goroutine outlives it
	inMemory(t, lambdatest.Config{Order: lambdatest.OrderInvokeLate, Timeout: time.Second}, func(p *lambdatest.Process) {
		obeying(p, 100*time.Millisecond) // what the reset takes is not billed
		pause(p.Context(), 300*time.Millisecond)
		flushing(50*time.Millisecond, func() error {
			switch calls.Add(1) {
			case 3:
				time.Sleep(2 * time.Second)
			case 4:
				panic("boom")
			}
			pause(p.Context(), 20*time.Millisecond)
			return nil
		})(p)
	}, func(t *testing.T, env *lambdatest.Environment) {
		for range 4 {
			send(t, env, "{}")
			time.Sleep(time.Minute)
		}
		got := lambdatest.Invocations(env.Log().Events())
		const ms = time.Millisecond
		want := []lambdatest.InvocationReport{
			{Process: 1, Cold: true, Init: 300 * ms, Billed: 70 * ms, Handler: 20 * ms, AfterResponse: 50 * ms},
			{Process: 1, Thawed: time.Minute, Billed: 70 * ms, Handler: 20 * ms, AfterResponse: 50 * ms},
			{
				Process: 1, Thawed: time.Minute, TimedOut: true, Exited: true, ErrorType: "Sandbox.Timedout",
				Billed: time.Second, Handler: time.Second,
			},
			{Process: 2, Cold: true, Init: 300 * ms, Exited: true, ErrorType: "string"},
		}
		ids := cmpopts.IgnoreFields(lambdatest.InvocationReport{}, "RequestID", "Released", "Begun", "Posted", "Answered", "Next", "Ended", "Frozen")
		if diff := cmp.Diff(want, got, ids); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		first := got[0]
		if !first.Next.Equal(first.Ended) || !first.Frozen.Equal(first.Ended) || !first.Answered.Equal(first.Posted) ||
			first.Ended.Sub(first.Posted) != 50*ms || got[2].Posted != (time.Time{}) || !got[3].Frozen.IsZero() {
			t.Errorf("moments %+v", got)
		}
	})
}
