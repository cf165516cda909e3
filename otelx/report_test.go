package otelx_test

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/otelx"
)

// A DropError lists each reason with its count, and unwraps to the backend's words.
func TestDropError(t *testing.T) {
	err := &otelx.DropError{Dropped: otelx.Dropped{QueueFull: 1, Rejected: 2, Refused: 3, TooLarge: 4, AfterShutdown: 5}, Cause: io.EOF}
	const want = "15 spans dropped: 1 the queue was full, 2 rejected by the backend, 3 refused by the backend permanently, " +
		"4 too large for a request, 5 ended after Shutdown (EOF)"
	if err.Error() != want || !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want %s", err, want)
	}
	if got := (&otelx.DropError{Dropped: otelx.Dropped{TooLarge: 1}}).Error(); got != "1 spans dropped: 1 too large for a request" {
		t.Errorf("got %s", got)
	}
}

// Failures of background exports are reported at most once a minute, and the next report counts those in between.
func TestReportsAreCounted(t *testing.T) {
	reports := otelerr.Collect(t)
	contract(t, func(f *fixture) {
		f.fails(unavailable)
		setBackgroundExport(f.sdk, true)
		f.end("a")
		time.Sleep(3 * time.Minute)
	})
	got := reports()
	if len(got) < 2 || strings.Contains(got[0], "since the last report") || !strings.HasSuffix(got[1], "more since the last report)") {
		t.Errorf("reports %q", got)
	}
}

// If standard output fails, the console exporter keeps the spans.
func TestConsoleThatFails(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	s, err := newSDK(t, environ("OTEL_TRACES_EXPORTER=console"))
	os.Stdout = stdout
	if err := errors.Join(err, r.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	span(s, "a")
	if err := s.ForceFlush(t.Context()); !errors.Is(err, os.ErrClosed) || s.Stats().Pending != 1 {
		t.Errorf("ForceFlush: %v, %+v", err, s.Stats())
	}
}
