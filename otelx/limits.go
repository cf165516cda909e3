package otelx

import "fmt"

// Limits are what a backend takes at most. The zero value of a field is no limit. Bytes are those of the protobuf
// encoding, before compression.
type Limits struct {
	// RequestBytes and RequestSpans are those of a request: what is more goes out as several. They bound what
	// [WithMaxRequestSize] and [WithMaxExportBatchSize] and their variables ask for.
	RequestBytes, RequestSpans int
	// SpanBytes are those of a span: one that has more is not sent but dropped as too large.
	SpanBytes int
	// ResourceBytes are those of a resource and one of its scopes together: more is reported to otel.Handle, once, and
	// sent all the same, for only the backend can tell what it makes of it.
	ResourceBytes int
}

// WithLimits keeps requests within l, whatever other settings ask for. Each field is a setting of its own; its zero
// value changes nothing, and a negative one is an error and changes nothing. It has no effect with [WithExporter].
//
// Default: none.
func WithLimits(l Limits) Option {
	return optionFunc(func(c *config) {
		t := &c.target.limits
		for _, f := range []struct {
			name string
			from int
			to   *int
		}{
			{"RequestBytes", l.RequestBytes, &t.RequestBytes},
			{"RequestSpans", l.RequestSpans, &t.RequestSpans},
			{"SpanBytes", l.SpanBytes, &t.SpanBytes},
			{"ResourceBytes", l.ResourceBytes, &t.ResourceBytes},
		} {
			if f.from < 0 {
				c.errs = append(c.errs, fmt.Errorf("WithLimits: %s is %d; give 1 or more, or 0 for no limit", f.name, f.from))
			}
			set(f.to, f.from, f.from > 0)
		}
	})
}

func (c *config) resolveLimits() Limits {
	a, b := c.chosen.limits, c.fallback.limits
	return Limits{
		RequestBytes:  pick(a.RequestBytes, b.RequestBytes),
		RequestSpans:  pick(a.RequestSpans, b.RequestSpans),
		SpanBytes:     pick(a.SpanBytes, b.SpanBytes),
		ResourceBytes: pick(a.ResourceBytes, b.ResourceBytes),
	}
}

// capped returns n, but no more than limit if there is one.
func capped(n, limit int) int {
	if limit > 0 {
		return min(n, limit)
	}
	return n
}
