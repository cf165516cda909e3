package logger

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// blocking is a log that takes a line in only when it is released.
type blocking struct {
	slog.Handler
	release chan struct{}
	lines   int
}

func (b *blocking) Handle(context.Context, slog.Record) error {
	<-b.release
	b.lines++
	return nil
}

// TestBlockedLogIsAbandonedAndNotPiledUp asserts that the first line costs its timeout and the others nothing, and that
// the log works again when the write has returned.
func TestBlockedLogIsAbandonedAndNotPiledUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &blocking{Handler: slog.DiscardHandler, release: make(chan struct{})}
		l := New(slog.New(&enabled{b}))
		began := time.Now()
		done := make(chan struct{})
		for range 10 {
			go func() { l.Log(slog.LevelInfo, "line"); done <- struct{}{} }()
		}
		for range 10 {
			<-done
		}
		if took := time.Since(began); took != lineTimeout {
			t.Errorf("ten lines took %v, want %v", took, lineTimeout)
		}
		close(b.release)
		synctest.Wait()
		if b.lines != 1 {
			t.Errorf("%d lines wait for the log, want one", b.lines)
		}
		l.Log(slog.LevelInfo, "line")
		if b.lines != 2 {
			t.Error("the log does not work again")
		}
		New(slog.New(&enabled{})).Log(slog.LevelInfo, "a logger that panics")
	})
}

// enabled writes every line.
type enabled struct{ *blocking }

func (*enabled) Enabled(context.Context, slog.Level) bool { return true }

// TestLimitedLineTellsWhatWasLeftOut asserts that a line counts the ones that were left out since the line before it.
func TestLimitedLineTellsWhatWasLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		l := New(slog.New(slog.NewTextHandler(&text, nil)))
		for _, lines := range []int{3, 2, 1, 1} {
			for range lines {
				l.LogLimited(slog.LevelWarn, "down")
			}
			time.Sleep(limitedInterval)
		}
		var got []string
		for line := range strings.Lines(text.String()) {
			_, after, _ := strings.Cut(strings.TrimSpace(line), "msg=down")
			got = append(got, after)
		}
		if want := []string{"", " suppressed=2", " suppressed=1", ""}; !slices.Equal(got, want) {
			t.Errorf("lines end with %q, want %q", got, want)
		}
	})
}

func TestLambdaLogIsJSONIfLambdaSaysSo(t *testing.T) {
	var text bytes.Buffer
	out := ForLambda(&text, func(string) string { return "JSON" })
	out.Warn("trouble", slog.String("requestId", "r"), slog.Group("traces", slog.String("msg", "inner")))
	var line struct {
		Timestamp time.Time
		Level     string
		Message   string
		RequestID string
		Traces    map[string]string
	}
	if err := json.Unmarshal(text.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if time.Since(line.Timestamp) > time.Hour || line.Level != "WARN" || line.Message != "trouble" ||
		line.RequestID != "r" || line.Traces["msg"] != "inner" || strings.Count(text.String(), "\n") != 1 {
		t.Errorf("line %s", &text)
	}
	text.Reset()
	ForLambda(&text, func(string) string { return "" }).Info("fine")
	if !strings.Contains(text.String(), "level=INFO msg=fine") {
		t.Errorf("without the format: %s", &text)
	}
}

func TestLambdaLogLevel(t *testing.T) {
	levels := []slog.Level{-8, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, 12}
	for i, name := range []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"} {
		out := ForLambda(io.Discard, func(string) string { return name })
		for j, level := range levels {
			if got := out.Enabled(t.Context(), level); got != (j >= i) {
				t.Errorf("%s: a line of %v is written: %t", name, level, got)
			}
		}
	}
	for _, name := range []string{"", "LOUD"} {
		out := ForLambda(io.Discard, func(string) string { return name })
		if out.Enabled(t.Context(), slog.LevelDebug) || !out.Enabled(t.Context(), slog.LevelInfo) {
			t.Errorf("%q does not mean INFO", name)
		}
	}
}
