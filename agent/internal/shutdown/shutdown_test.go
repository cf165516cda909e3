package shutdown

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/agent/internal/flushcalls"
	"github.com/epilogue-go/epilogue/agent/internal/logger"
	"github.com/epilogue-go/epilogue/agent/internal/members"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder records the parts of a shutdown with the times at which they begin.
type recorder struct {
	began      time.Time
	flushTakes time.Duration
	err        error // of ForceFlush, Shutdown and EndOpenSpans

	mu    sync.Mutex // ForceFlush and Shutdown may run at once
	parts []string
}

func (r *recorder) record(part string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parts = append(r.parts, part+" at "+time.Since(r.began).String())
}

func (r *recorder) ForceFlush(context.Context) error {
	r.record("flush")
	time.Sleep(r.flushTakes)
	return r.err
}

func (r *recorder) Shutdown(context.Context) error { r.record("shutdown"); return r.err }

func (r *recorder) endOpenSpans(_ context.Context, roots [][8]byte, errorType, reason string) (int, error) {
	if roots == nil {
		reason += ", every span"
	}
	r.record("end: [" + errorType + "] " + reason)
	return 1, r.err
}

// run runs a shutdown of 420 ms, 400 of them for its parts, and returns the last line of its log.
func (r *recorder) run(hooks ...func(context.Context)) (line string) {
	r.began = time.Now()
	flusher := members.List(nil).With(r)
	s := Shutdown{
		Plan:         budget.Budget{Shutdown: 420 * time.Millisecond}.PlanShutdown(r.began, false),
		Flusher:      flusher,
		FlushCalls:   flushcalls.New(context.Background(), flusher.ForceFlush),
		Hooks:        hooks,
		Why:          "SIGTERM received",
		TimedOut:     true,
		InFlight:     func() (int, [][8]byte) { return 2, [][8]byte{{1}} },
		EndOpenSpans: r.endOpenSpans,
	}
	var text bytes.Buffer
	s.Run(context.Background()).Log(logger.New(slog.New(slog.NewTextHandler(&text, nil))))
	return text.String()
}

func TestShutdownBeginsWhileASlowFlushRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{flushTakes: 200 * time.Millisecond}
		line := r.run(func(ctx context.Context) { r.record("hook"); <-ctx.Done() })
		want := []string{
			"end: [timeout] SIGTERM received during the invocation: the invocation timed out at 0s",
			"end: [timeout] SIGTERM received: the invocation timed out, every span at 0s",
			"hook at 0s", "flush at 190ms", "shutdown at 360ms",
		}
		if diff := cmp.Diff(want, r.parts); diff != "" {
			t.Errorf("parts (-want +got):\n%s", diff)
		}
		if !strings.Contains(line, "window=420ms invocationsInFlight=2 openSpansEnded=2") || !strings.Contains(line, "level=INFO") {
			t.Errorf("line %s", line)
		}
	})
}

func TestAFailedPartDoesNotStopTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{err: errors.New("refused")}
		line := r.run(func(context.Context) { panic("hook") }, func(context.Context) { r.record("hook") })
		if got := r.parts[len(r.parts)-3:]; !cmp.Equal(got, []string{"hook at 0s", "flush at 0s", "shutdown at 0s"}) {
			t.Errorf("parts %q", r.parts)
		}
		want := `error="end open spans: refused; refused; hook: 1 of 2: panicked: hook; flush: refused; shutdown: refused"`
		if !strings.Contains(line, want) || !strings.Contains(line, "not everything was delivered") {
			t.Errorf("line %s, want %s", line, want)
		}
	})
}
