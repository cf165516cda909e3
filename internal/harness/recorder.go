package harness

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// Kinds of events besides those of lambdatest and otlpreceiver.
const (
	KindLine   eventlog.Kind = "function.line" // a line on the function's standard error; that of a child may come late
	KindSignal eventlog.Kind = "signal.sent"   // by the test; Detail: which
)

// The recorder's lines, followed by the span's id and name.
const (
	spanStarted = "span started "
	spanEnded   = "span ended "
)

// ParseSpanLine reads a line of the recorder. ok is false for any other line.
func ParseSpanLine(text string) (id string, started, ok bool) {
	rest, started := strings.CutPrefix(text, spanStarted)
	if !started {
		if rest, ok = strings.CutPrefix(text, spanEnded); !ok {
			return "", false, false
		}
	}
	id, _, ok = strings.Cut(rest, " ")
	return id, started, ok
}

// recorder is a span processor that writes a line for each sampled span that starts and ends, independently of otelx.
// What an emulated process does after its end does not count: a real one could not do it.
type recorder struct {
	out   io.Writer
	ended <-chan struct{}
}

// OnStart implements sdktrace.SpanProcessor.
func (r recorder) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) { r.record(spanStarted, s) }

// OnEnd implements sdktrace.SpanProcessor.
func (r recorder) OnEnd(s sdktrace.ReadOnlySpan) { r.record(spanEnded, s) }

func (r recorder) record(what string, s sdktrace.ReadOnlySpan) {
	select {
	case <-r.ended:
		return
	default:
	}
	if s.SpanContext().IsSampled() {
		_, _ = fmt.Fprintf(r.out, "%s%s %s\n", what, s.SpanContext().SpanID(), s.Name())
	}
}

// Shutdown implements sdktrace.SpanProcessor.
func (recorder) Shutdown(context.Context) error { return nil }

// ForceFlush implements sdktrace.SpanProcessor.
func (recorder) ForceFlush(context.Context) error { return nil }

// LineWriter writes each line of a function's standard error into a log, as an event of KindLine.
type LineWriter struct {
	Log *eventlog.Log

	mu      sync.Mutex
	partial []byte
}

// Write implements io.Writer.
func (w *LineWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.partial = append(w.partial, b...)
	for {
		line, rest, whole := bytes.Cut(w.partial, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		w.Log.Add(eventlog.Event{Kind: KindLine, Detail: string(line)})
		w.partial = rest
	}
}
