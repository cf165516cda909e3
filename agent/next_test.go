package agent_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

// TestBrokenNext: while next fails, each End flushes, and the loop keeps asking, ever less often.
func TestBrokenNext(t *testing.T) {
	for name, fault := range map[string]lambdatest.Fault{
		"500":                {Status: 500, Skip: 2},
		"not JSON":           {Body: "?", Skip: 2},
		"connection cut":     {Cut: true, Skip: 2},
		"from the beginning": {Status: 500},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.config.Faults.Next = fault
				w.config.Order = lambdatest.OrderInvocationFirst
				w.config.Timeout = time.Minute
				w.flusher.onFlush = taking(30 * time.Millisecond)
				w.handle = func(ctx context.Context, _ *function) error { return pause(ctx, 20*time.Second) }
			}, func(w *run) {
				for i := range 6 {
					w.serves(strconv.Itoa(i))
				}
				w.endFlushes("3", "4", "5") // at the latest the third call of next failed
				broken := w.find(lambdatest.KindExtensionNextBroken, "")
				if n := len(broken); n < 60 || n > 6*45 {
					w.Errorf("asked %d times in two minutes: less than every second or more than twice", n)
				}
				// A call on a kept connection that is cut is made again by net/http before it counts as failed.
				if d := between(broken[0], broken[2]); d < 5*time.Millisecond || d > 30*time.Millisecond {
					w.Errorf("asked twice more within %v", d)
				}
				if got := w.stats(); got.Mode != "extension-failed" || got.NextFailures < 60 {
					w.Errorf("stats %+v", got)
				}
				if d := strings.Count(w.lines.String(), "agent: next event failed"); d < 2 || d > 3 {
					w.Errorf("%d lines about it in two minutes", d)
				}
			})
		})
	}
}

func TestNextThatWorksAgain(t *testing.T) {
	scenario(t, func(w *run) {
		w.config.Faults.Next = lambdatest.Fault{Status: 500, Skip: 2, Times: 3}
		w.config.Order = lambdatest.OrderInvokeFirst
		w.flusher.onFlush = taking(30 * time.Millisecond)
		// Time for the agent to read, at the thaw, the answer that came when it froze.
		w.handle = func(ctx context.Context, _ *function) error { return pause(ctx, time.Millisecond) }
	}, func(w *run) {
		for i := range 8 {
			w.serves(strconv.Itoa(i))
			time.Sleep(time.Minute)
		}
		if got := w.stats(); got.Mode != "extension" || got.NextFailures != 3 {
			w.Errorf("stats %+v", got)
		}
		for i := range 8 {
			id := strconv.Itoa(i)
			if n := len(w.within(w.one(lambdatest.KindResponsePosted, id), w.one(lambdatest.KindPhaseDone, id), flushEnded)); n == 0 {
				w.Errorf("%s was not flushed in its own phase", id)
			}
		}
		w.logs("agent: next event works again")
		w.gracefully()
	})
}

// TestEndBeforeNextBreaksIsFlushedByTheLoop: the invocation's End counted on an INVOKE event, and next broke before it
// came.
func TestEndBeforeNextBreaksIsFlushedByTheLoop(t *testing.T) {
	scenario(t, func(w *run) {
		w.config.Order, w.config.OrderGap = lambdatest.OrderInvocationFirst, time.Second
		w.config.Faults.Next = lambdatest.Fault{Status: 500, Skip: 2, Times: 1} // the call that follows the cut
		w.onClose = func(m *function) {
			if m.id != "1" {
				return
			}
			m.agent.End(m.id) // in mode extension, so it returns at once
			m.process.Network().Cut("")
			_ = pause(context.Background(), time.Millisecond)
		}
	}, func(w *run) {
		w.serves("0")
		w.serves("1")
		if n := len(w.within(w.one(lambdatest.KindExtensionNextBroken, ""), w.one(lambdatest.KindRuntimeNext, "1"), flushEnded)); n != 1 {
			w.Errorf("%d flushes when next had broken, want one", n)
		}
		w.gracefully()
	})
}
