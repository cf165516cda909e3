package xrayheader

import (
	"encoding/hex"

	"go.opentelemetry.io/otel/trace"
)

// String renders h in the order Root, Parent, Sampled, Lineage, without absent fields. Parse reads the result;
// the header of an invalid Root is empty.
func (h Header) String() string {
	const usual = 74 // Root, Parent and Sampled
	return string(h.AppendTo(make([]byte, 0, usual+len(";Lineage=")+len(h.Lineage))))
}

// AppendTo appends the result of String to dst.
func (h Header) AppendTo(dst []byte) []byte {
	if !h.Root.IsValid() {
		return dst
	}
	dst = append(dst, "Root=1-"...)
	dst = hex.AppendEncode(dst, h.Root[:4])
	dst = append(dst, '-')
	dst = hex.AppendEncode(dst, h.Root[4:])
	if h.Parent.IsValid() {
		dst = append(dst, ";Parent="...)
		dst = hex.AppendEncode(dst, h.Parent[:])
	}
	switch h.Sampling {
	case Sampled:
		dst = append(dst, ";Sampled=1"...)
	case NotSampled:
		dst = append(dst, ";Sampled=0"...)
	case Undecided:
	}
	if h.Lineage != "" {
		dst = append(dst, ";Lineage="...)
		dst = append(dst, h.Lineage...)
	}
	return dst
}

// SpanContext returns h as a remote span context. It is valid only if the header has a Parent; an undecided
// header gives an unsampled one.
func (h Header) SpanContext() trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID:    h.Root,
		SpanID:     h.Parent,
		TraceFlags: trace.TraceFlags(0).WithSampled(h.Sampling == Sampled),
		Remote:     true,
	})
}

// FromSpanContext returns the header that propagates sc: its span is the Parent, its sampled flag the decision.
func FromSpanContext(sc trace.SpanContext) Header {
	h := Header{Root: sc.TraceID(), Parent: sc.SpanID(), Sampling: NotSampled}
	if sc.IsSampled() {
		h.Sampling = Sampled
	}
	return h
}
