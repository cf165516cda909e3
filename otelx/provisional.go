package otelx

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

const (
	// provisionalKey marks a copy of a span that was open when it was exported.
	provisionalKey = attribute.Key("epilogue.provisional")
	// maxCopyAttempts is how often a request with copies is tried: the time of whoever wants them is short.
	maxCopyAttempts = 3
)

// copyOpen returns provisional copies of those of spans, all that are open, that are around root (zero: of all), as if they
// ended at this moment.
func copyOpen(spans []sdktrace.ReadWriteSpan, root trace.SpanID, errorType, reason string) []sdktrace.ReadOnlySpan {
	if root.IsValid() {
		spans = around(root, spans)
	}
	now := time.Now()
	var out []sdktrace.ReadOnlySpan
	for _, s := range spans {
		c := newCopy(s, now, errorType, reason)
		if s.IsRecording() { // else it is in the queue by now, or soon, and needs no copy
			out = append(out, c)
		}
	}
	return out
}

// spanCopy is an open span as it was at one moment. Of the span itself it uses only its SpanContext, which takes no lock:
// what is encoded must not wait for a span. Its two marks are beyond the span's limits, which can not swallow them.
type spanCopy struct {
	sdktrace.ReadOnlySpan

	name                            string
	parent                          trace.SpanContext
	kind                            trace.SpanKind
	resource                        *resource.Resource
	scope                           instrumentation.Scope
	start, end                      time.Time
	status                          sdktrace.Status
	attributes                      []attribute.KeyValue
	events                          []sdktrace.Event
	links                           []sdktrace.Link
	noAttributes, noEvents, noLinks int // dropped
	children                        int
}

func newCopy(s sdktrace.ReadOnlySpan, now time.Time, errorType, reason string) *spanCopy {
	attrs := slices.Clone(s.Attributes())
	if errorType != "" && !hasErrorType(attrs) {
		attrs = append(attrs, semconv.ErrorTypeKey.String(errorType))
	}
	status := s.Status()
	if status.Code != codes.Ok { // which is final
		status = sdktrace.Status{Code: codes.Error, Description: reason}
	}
	return &spanCopy{
		ReadOnlySpan: s,

		parent: s.Parent(), kind: s.SpanKind(), resource: s.Resource(), scope: s.InstrumentationScope(), start: s.StartTime(),
		name: s.Name(), end: now, status: status, attributes: append(attrs, provisionalKey.Bool(true)),
		events: slices.Clone(s.Events()), links: slices.Clone(s.Links()),
		noAttributes: s.DroppedAttributes(), noEvents: s.DroppedEvents(), noLinks: s.DroppedLinks(),
		children: s.ChildSpanCount(),
	}
}

func (c *spanCopy) Name() string                     { return c.name }
func (c *spanCopy) EndTime() time.Time               { return c.end }
func (c *spanCopy) StartTime() time.Time             { return c.start }
func (c *spanCopy) Parent() trace.SpanContext        { return c.parent }
func (c *spanCopy) SpanKind() trace.SpanKind         { return c.kind }
func (c *spanCopy) Resource() *resource.Resource     { return c.resource }
func (c *spanCopy) Status() sdktrace.Status          { return c.status }
func (c *spanCopy) Attributes() []attribute.KeyValue { return c.attributes }
func (c *spanCopy) Events() []sdktrace.Event         { return c.events }
func (c *spanCopy) Links() []sdktrace.Link           { return c.links }
func (c *spanCopy) DroppedAttributes() int           { return c.noAttributes }
func (c *spanCopy) DroppedEvents() int               { return c.noEvents }
func (c *spanCopy) DroppedLinks() int                { return c.noLinks }
func (c *spanCopy) ChildSpanCount() int              { return c.children }

// InstrumentationScope is the scope.
func (c *spanCopy) InstrumentationScope() instrumentation.Scope { return c.scope }

// sendCopies sends spans beside the queue and whatever else is under way, and returns how many a backend accepted.
// It tries whatever is known of the backend: there may be no later. What fails is given up. It returns when the exporter
// does, soon after ctx has ended.
func (l *loop) sendCopies(ctx context.Context, spans []sdktrace.ReadOnlySpan) (n int, err error) {
	if len(spans) == 0 {
		return 0, nil
	}
	if !l.admitCopies() {
		return 0, errClosed
	}
	defer l.advise()
	defer l.copying.Done()
	if l.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, l.timeout, errExportTimeout)
		defer cancel()
	}
	for len(spans) > 0 {
		o := l.sendCopy(ctx, spans)
		l.mu.Lock()
		l.note(o.advice)
		l.mu.Unlock()
		if o.err != nil {
			err = errors.Join(err, o.err)
		}
		if o.verdict == retry || o.verdict == keep {
			break
		}
		if o.verdict == accepted {
			n += o.n - int(o.rejected)
		}
		spans = spans[o.n:]
	}
	return n, err
}

// sendCopy makes one request of spans, or of as many from the first as one holds, in a few attempts.
func (l *loop) sendCopy(ctx context.Context, spans []sdktrace.ReadOnlySpan) (o outcome) {
	backoff := firstBackoff
	answers := make(chan outcome, 1)
	for attempt := 1; ; attempt++ {
		go export(ctx, l.exporter, spans, answers)
		o = <-answers
		l.hush(o.retryAfter)
		if o.verdict != retry || attempt == maxCopyAttempts {
			return o
		}
		wait := jittered(backoff)
		if end, bounded := ctx.Deadline(); !bounded || o.retryAfter < time.Until(end) {
			wait = max(wait, o.retryAfter)
		}
		backoff *= 2
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return o
		}
	}
}

// admitCopies reports whether the exporter is open. Then it stays so until copying is done.
func (l *loop) admitCopies() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return false
	}
	l.copying.Add(1)
	return true
}

// countCopies enters copies that a backend has accepted into the account.
func (q *queue) countCopies(n int) {
	q.lock()
	defer q.unlock()
	q.stats.Provisional += int64(n)
}

// oneAtATime returns x, with its calls made one after the other where it can not stand more at once. Runs see to that
// themselves; what is sent beside them has to wait its turn.
func oneAtATime(x exporter) exporter {
	if x.width() > 1 {
		return x
	}
	return &singleFile{exporter: x, turn: make(chan struct{}, 1)}
}

// singleFile is an exporter whose turn holds a token while export is under way.
type singleFile struct {
	exporter
	turn chan struct{}
}

func (x *singleFile) export(ctx context.Context, spans []sdktrace.ReadOnlySpan) outcome {
	select {
	case x.turn <- struct{}{}:
	case <-ctx.Done():
		return outcome{n: len(spans), verdict: retry, unsent: true, err: context.Cause(ctx)}
	}
	defer func() { <-x.turn }()
	return x.exporter.export(ctx, spans)
}
