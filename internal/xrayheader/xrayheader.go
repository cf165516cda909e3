// Package xrayheader reads and writes the X-Ray trace header, AWS's format of a trace context:
//
//	Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a87bd80c:1|68fd508a:5
//
// Lambda sends it to the runtime with each invocation and to extensions with each event. API Gateway and load balancers
// add it to HTTP requests (AWS X-Ray Developer Guide, "Tracing header"). The package imports only OpenTelemetry's trace
// API; the contrib propagator for the same header imports the SDK.
package xrayheader

import (
	"encoding/hex"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// The names of the header.
const (
	// Name is the HTTP header.
	Name = "X-Amzn-Trace-Id"
	// EnvKey is the environment variable that a runtime sets before each invocation if only one runs at a time
	// (AWS Lambda Developer Guide, "Building a custom runtime").
	EnvKey = "_X_AMZN_TRACE_ID"
	// ContextKey is the context key, a plain string, under which aws-lambda-go keeps the header in every mode.
	ContextKey = "x-amzn-trace-id"
)

// Sampling is the decision that a header carries.
type Sampling byte

// The decisions.
const (
	Undecided  Sampling = iota // the field is absent, "?" or unknown: the receiver of the header decides
	NotSampled                 // Sampled=0; in PassThrough mode Lambda sends it without a decision
	Sampled                    // Sampled=1
)

// Header is a parsed trace header.
type Header struct {
	Root     trace.TraceID // always valid after a successful Parse
	Parent   trace.SpanID  // invalid (zero) if the header has none
	Sampling Sampling
	Lineage  string // opaque: Lambda's loop detection; shares memory with the parsed string
}

// Parse reads s. Fields may be in any order with spaces around them. Parse skips unknown ones (Self, custom data). If a
// field occurs twice, the last one counts. It reports false if the header has no Root, or a Root or Parent that is
// malformed. Parse does not allocate.
func Parse(s string) (Header, bool) {
	var h Header
	for field := range strings.SplitSeq(s, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		ok := true
		switch key {
		case "Root":
			h.Root, ok = parseRoot(value)
		case "Parent":
			ok = decodeHex(h.Parent[:], value) && h.Parent.IsValid()
		case "Sampled":
			h.Sampling = parseSampling(value)
		case "Lineage":
			h.Lineage = value
		}
		if !ok {
			return Header{}, false
		}
	}
	if !h.Root.IsValid() {
		return Header{}, false
	}
	return h, true
}

// parseRoot reads 1-8hex-24hex.
func parseRoot(s string) (id trace.TraceID, ok bool) {
	if len(s) != 35 || s[:2] != "1-" || s[10] != '-' {
		return id, false
	}
	ok = decodeHex(id[:4], s[2:10]) && decodeHex(id[4:], s[11:])
	return id, ok && id.IsValid()
}

func parseSampling(s string) Sampling {
	switch s {
	case "1":
		return Sampled
	case "0":
		return NotSampled
	default:
		return Undecided
	}
}

// decodeHex fills dst from s, of either case; false if s is not exactly that many digits.
func decodeHex(dst []byte, s string) bool {
	if len(s) != 2*len(dst) {
		return false
	}
	_, err := hex.Decode(dst, []byte(s))
	return err == nil
}

// String renders h in the order Root, Parent, Sampled, Lineage, without absent fields. Parse reads the result;
// the header of an invalid Root is empty.
func (h Header) String() string {
	if !h.Root.IsValid() {
		return ""
	}
	root := h.Root.String()
	s := "Root=1-" + root[:8] + "-" + root[8:]
	if h.Parent.IsValid() {
		s += ";Parent=" + h.Parent.String()
	}
	switch h.Sampling {
	case Sampled:
		s += ";Sampled=1"
	case NotSampled:
		s += ";Sampled=0"
	case Undecided:
	}
	if h.Lineage != "" {
		s += ";Lineage=" + h.Lineage
	}
	return s
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
