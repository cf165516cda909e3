package otelx

import (
	"context"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// send makes one request with what it holds of spans. While a shutdown waits, one that has no answer for half of the
// time between its begin and the end is made once more beside it, on a connection of its own: the first may be on a
// connection that died, or with a server that did, and there is no other flush. The backend can then get the spans
// twice.
func (l *loop) send(ctx context.Context, r *run, spans []sdktrace.ReadOnlySpan) outcome {
	begun := time.Now()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan outcome, 2)
	go export(ctx, l.exporter, spans, answers)
	if l.exporter.width() == 1 {
		return <-answers
	}
	select {
	case o := <-answers:
		return o
	case <-r.final:
	}
	until, bounded := ctx.Deadline()
	if !bounded {
		return <-answers
	}
	half := time.NewTimer(time.Until(begun.Add(max(until.Sub(begun)/2, minLook))))
	defer half.Stop()
	select {
	case o := <-answers:
		return o
	case <-half.C:
	}
	go export(ctx, l.exporter, spans, answers)
	o := <-answers
	if o.final() {
		cancel() // the other is on its way for nothing; it is not left behind
		<-answers
		return o
	}
	return <-answers
}
