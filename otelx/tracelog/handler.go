package tracelog

import (
	"context"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/trace"
)

// The names of the IDs (OpenTelemetry specification, "Trace Context in non-OTLP Log Formats").
const (
	TraceIDKey    = "trace_id"
	SpanIDKey     = "span_id"
	TraceFlagsKey = "trace_flags"
)

// NewHandler returns a handler that adds the IDs of the context's span to each record and passes it to next. next must not be nil,
// and must not be the initial handler of slog.Default: that one writes to package log, which writes to slog after
// slog.SetDefault.
//
// The IDs are at the top level of the record, whatever groups the logger has: next gets the attributes of a group as one attribute,
// and its WithGroup is never called. So attributes that next adds, such as the request ID of aws-lambda-go's handler, are at the top
// level too. The price is that next cannot format the attributes of a group in advance.
//
// next decides whether a level is enabled. NewHandler returns a handler of this package unchanged.
func NewHandler(next slog.Handler) slog.Handler {
	if h, ok := next.(*handler); ok {
		return h
	}
	return &handler{next: next}
}

// handler is immutable.
type handler struct {
	next   slog.Handler // with the attributes added before any group
	groups []group      // open groups, the outermost first
}

// group is an open group with its own attributes, without those of inner groups.
type group struct {
	name  string
	attrs []slog.Attr
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &handler{next: h.next, groups: append(slices.Clip(h.groups), group{name: name})}
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	switch {
	case len(attrs) == 0:
		return h
	case len(h.groups) == 0:
		return &handler{next: h.next.WithAttrs(attrs)}
	}
	groups := slices.Clone(h.groups)
	last := &groups[len(groups)-1]
	last.attrs = slices.Concat(last.attrs, attrs)
	return &handler{next: h.next, groups: groups}
}

// Handle implements slog.Handler.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	sc := trace.SpanContextFromContext(ctx)
	switch {
	case len(h.groups) > 0:
		r = h.grouped(r)
	case sc.IsValid():
		r = r.Clone() // others may hold the record too
	}
	if sc.IsValid() {
		r.AddAttrs(
			slog.String(TraceIDKey, sc.TraceID().String()),
			slog.String(SpanIDKey, sc.SpanID().String()),
			slog.String(TraceFlagsKey, sc.TraceFlags().String()),
		)
	}
	return h.next.Handle(ctx, r)
}

// grouped returns r with its attributes inside the open groups.
func (h *handler) grouped(r slog.Record) slog.Record {
	own := make([]slog.Attr, 0, r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool {
		own = append(own, a)
		return true
	})
	for _, g := range slices.Backward(h.groups) {
		own = []slog.Attr{{Key: g.name, Value: slog.GroupValue(slices.Concat(g.attrs, own)...)}}
	}
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	out.AddAttrs(own...)
	return out
}
