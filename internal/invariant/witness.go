package invariant

import (
	"context"
	"fmt"
	"io"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// What a function says of its sampled spans by way of Witness, a line each, followed by the span's id. Of the span of its
// initialisation, which is in the first invocation's trace, it says InitEnded too.
const (
	SpanBegun = "span begun "
	SpanEnded = "span ended "
	InitEnded = "initialisation is span "
)

// initName is how handler names that span.
const initName = "init"

// Witness is a span processor that writes down, at once and beside otelx, each sampled span that begins and ends. What a
// process in memory does after its end does not count: a real one could not.
type Witness struct {
	Out   io.Writer       // the function's standard error; see Transcript
	Ended <-chan struct{} // closed when an emulated process has ended; nil in a real one
}

// OnStart implements sdktrace.SpanProcessor.
func (w Witness) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) { w.note(SpanBegun, s) }

// OnEnd implements sdktrace.SpanProcessor.
func (w Witness) OnEnd(s sdktrace.ReadOnlySpan) {
	w.note(SpanEnded, s)
	if s.Name() == initName {
		w.note(InitEnded, s)
	}
}

func (w Witness) note(what string, s sdktrace.ReadOnlySpan) {
	select {
	case <-w.Ended:
		return
	default:
	}
	if s.SpanContext().IsSampled() {
		_, _ = fmt.Fprintf(w.Out, "%s%s\n", what, s.SpanContext().SpanID())
	}
}

// Shutdown implements sdktrace.SpanProcessor.
func (Witness) Shutdown(context.Context) error { return nil }

// ForceFlush implements sdktrace.SpanProcessor.
func (Witness) ForceFlush(context.Context) error { return nil }
