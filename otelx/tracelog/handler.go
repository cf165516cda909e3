package tracelog

import (
	"context"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/trace"
)

// The names of the ids (OpenTelemetry specification, "Trace Context in non-OTLP Log Formats").
const (
	TraceIDKey    = "trace_id"
	SpanIDKey     = "span_id"
	TraceFlagsKey = "trace_flags"
)

// NewHandler returns a handler that adds the ids of the context's span to each record and gives it to next, which must not
// be nil, nor the handler that slog.Default has at first: that one writes to package log, which after slog.SetDefault
// writes to slog.
//
// The ids are at the top of the record, whatever groups the logger has: next never hears of WithGroup, and gets the
// attributes in a group as one attribute. So what next adds itself, as aws-lambda-go's handler does the request's id, is
// at the top as well. It costs what next may save by formatting the attributes of a group once.
//
// Whether a level is enabled is next's to say, and costs nothing here. A handler of this package is returned as it is.
func NewHandler(next slog.Handler) slog.Handler {
	if h, ok := next.(*handler); ok {
		return h
	}
	return &handler{next: next}
}

// handler is not changed once it is made.
type handler struct {
	next   slog.Handler // has the attributes from before any group
	groups []group      // open ones, the outermost first
}

// group is an open group with the attributes that belong to it, but for those of the groups in it.
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
		r = r.Clone() // others may have the record too
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

// grouped is r with its attributes in the open groups, where they are not empty.
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
