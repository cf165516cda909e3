package logger

import (
	"bytes"
	"context"
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
