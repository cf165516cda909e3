package otelx

import (
	"fmt"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// Limits are the limits of a backend. A zero field is no limit. Bytes count in the protobuf encoding before compression.
type Limits struct {
	// RequestBytes and RequestSpans bound a request, whatever [WithMaxRequestSize] and [WithMaxExportBatchSize] allow.
	RequestBytes, RequestSpans int
	// SpanBytes bounds a span. A larger one is dropped as too large.
	SpanBytes int
	// ResourceBytes bounds a resource together with one of its scopes. A larger one is reported to otel.Handle once and sent,
	// because only the backend can decide about it.
	ResourceBytes int
	// Requests is how many requests may be under way at once; 0 means 32.
	Requests int
	// Unacknowledged says that the backend answers nothing, as with UDP. A failed attempt then costs no time, so the circuit
	// breaker does not apply and each flush sends.
	Unacknowledged bool
}

// WithLimits keeps requests within l, whatever other settings allow. Each field is a setting of its own. A zero field changes
// nothing; a negative one is an error and changes nothing. It has no effect with [WithExporter].
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
			{"Requests", l.Requests, &t.Requests},
		} {
			if f.from < 0 {
				c.errs = append(c.errs, fmt.Errorf("WithLimits: %s is %d; give 1 or more, or 0 for no limit", f.name, f.from))
			}
			set(f.to, f.from, f.from > 0)
		}
		set(&t.Unacknowledged, true, l.Unacknowledged)
	})
}

func (c *config) resolveLimits() Limits {
	a, b := c.chosen.limits, c.fallback.limits
	return Limits{
		RequestBytes:  pick(a.RequestBytes, b.RequestBytes),
		RequestSpans:  pick(a.RequestSpans, b.RequestSpans),
		SpanBytes:     pick(a.SpanBytes, b.SpanBytes),
		ResourceBytes: pick(a.ResourceBytes, b.ResourceBytes),
		Requests:      pick(a.Requests, b.Requests, maxRequests),

		Unacknowledged: a.Unacknowledged || b.Unacknowledged,
	}
}

// engineLimits returns the limits that the delivery engine enforces.
func (l Limits) engineLimits() delivery.Limits {
	return delivery.Limits{Requests: l.Requests, Breaker: !l.Unacknowledged}
}

// capped returns n, or limit if that is lower and not 0.
func capped(n, limit int) int {
	if limit > 0 {
		return min(n, limit)
	}
	return n
}
