package agent_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

// TestContextEndShutsTelemetryDown: the caller's context ending is no reason to exit, to hold
// an invocation, or to stop asking for the next.
func TestContextEndShutsTelemetryDown(t *testing.T) {
	var cancel context.CancelFunc
	scenario(t, func(w *run) {
		w.context = func(ctx context.Context) context.Context {
			ctx, cancel = context.WithCancel(ctx)
			return ctx
		}
		w.flusher.onFlush = taking(10 * time.Millisecond)
		w.config.Order = lambdatest.OrderInvokeFirst
		w.handle = func(_ context.Context, m *function) error {
			if err := m.agent.Flush(m.id); m.id != "before" && err == nil {
				w.Error("a flush after the shutdown succeeds")
			}
			return nil
		}
	}, func(w *run) {
		w.serves("before")
		cancel()
		time.Sleep(50 * time.Millisecond) // the last flush takes 10 of them
		w.one(shutdownEnded, "")
		w.logs("agent: context ended", "graceful shutdown completed")
		w.none(lambdatest.KindProcessExit)

		for i := range 3 {
			id := strconv.Itoa(i)
			w.serves(id)
			if d := between(w.one(lambdatest.KindResponsePosted, id), w.one(lambdatest.KindPhaseDone, id)); d > 5*time.Millisecond {
				w.Errorf("%s is held for %v", id, d)
			}
		}
		if _, err := w.env.Invoke(w.Context(), lambdatest.Invocation{RequestID: "bad", Payload: notJSON}); err != nil {
			w.Fatal(err)
		}
		w.idle()
		if d := between(w.one(lambdatest.KindInvokeReleased, "bad"), w.one(lambdatest.KindExtensionNext, "bad")); d != 0 {
			w.Errorf("the handler start wait counts: %v", d)
		}
		if n := len(w.find(flushBegun, "")); n != 3 {
			w.Errorf("%d flushes, want the invocation's two and the last", n)
		}
		if exit := w.shutdown(); exit.Code != 0 {
			w.Errorf("%+v", exit)
		}
		w.one(shutdownEnded, "") // not again
		w.logs("SIGTERM received")
	})
}

// TestContextEndDuringAnInvocation: the environment does not freeze on the last flush.
func TestContextEndDuringAnInvocation(t *testing.T) {
	var cancel context.CancelFunc
	scenario(t, func(w *run) {
		w.context = func(ctx context.Context) context.Context {
			ctx, cancel = context.WithCancel(ctx)
			return ctx
		}
		w.handle = func(context.Context, *function) error { cancel(); return nil }
		w.flusher.onFlush = taking(100 * time.Millisecond)
	}, func(w *run) {
		w.serves("r")
		flushes := w.find(flushEnded, "") // the last one, and perhaps the invocation's before it
		w.inOrder(flushes[len(flushes)-1], w.one(shutdownEnded, ""), w.one(lambdatest.KindExtensionNext, "r"))
	})
}
