// Package xrayheader reads and writes the X-Ray trace header, AWS's format of a trace context:
//
//	Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a87bd80c:1|68fd508a:5
//
// Lambda sends it to the runtime with each invocation and to extensions with each event. API Gateway and load balancers
// add it to HTTP requests (AWS X-Ray Developer Guide, "Tracing header"). The package imports only OpenTelemetry's trace
// API; the contrib propagator for the same header imports the SDK.
package xrayheader

import (
	"errors"
	"fmt"
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

// ErrMalformed is wrapped by every error of Parse.
var ErrMalformed = errors.New("malformed X-Ray trace header")

// Sampling is the decision that a header carries.
type Sampling byte

// The decisions.
const (
	Undecided  Sampling = iota // the field is absent or "?": the receiver of the header decides
	NotSampled                 // Sampled=0; in PassThrough mode Lambda sends it without a decision
	Sampled                    // Sampled=1
)

// Header is a parsed trace header.
type Header struct {
	Root     trace.TraceID // always valid after a Parse without error
	Parent   trace.SpanID  // invalid (zero) if the header has none
	Sampling Sampling
	Lineage  string // opaque: Lambda's loop detection; shares memory with the parsed string
}

// Parse reads s. Fields may be in any order with spaces around them. Parse skips unknown ones (Self, custom data). If a
// field occurs twice, the last one counts. Root is required. The error wraps ErrMalformed and names the field and the
// value. Parse does not allocate unless it fails.
func Parse(s string) (Header, error) {
	var h Header
	for rest, more := s, true; more; {
		var field string
		field, rest, more = strings.Cut(rest, ";")
		if err := h.set(strings.TrimSpace(field)); err != nil {
			return Header{}, err
		}
	}
	if !h.Root.IsValid() {
		return Header{}, fmt.Errorf("%w: no Root in %q", ErrMalformed, clip(s))
	}
	return h, nil
}

// set sets one field.
func (h *Header) set(field string) error {
	key, value, _ := strings.Cut(field, "=")
	ok := true
	switch key {
	case "Root":
		h.Root, ok = parseRoot(value)
	case "Parent":
		ok = decodeHex(h.Parent[:], value) && h.Parent.IsValid()
	case "Sampled":
		h.Sampling, ok = parseSampling(value)
	case "Lineage":
		h.Lineage = value
	}
	if !ok {
		return fmt.Errorf("%w: %s=%q", ErrMalformed, key, clip(value))
	}
	return nil
}

// parseRoot reads 1-8hex-24hex.
func parseRoot(s string) (id trace.TraceID, ok bool) {
	if len(s) != 35 || s[:2] != "1-" || s[10] != '-' {
		return id, false
	}
	ok = decodeHex(id[:4], s[2:10]) && decodeHex(id[4:], s[11:])
	return id, ok && id.IsValid()
}

func parseSampling(s string) (Sampling, bool) {
	switch s {
	case "1":
		return Sampled, true
	case "0":
		return NotSampled, true
	case "?", "":
		return Undecided, true
	default:
		return Undecided, false
	}
}

// decodeHex fills dst from s, of either case; false if s is not exactly that many digits.
func decodeHex(dst []byte, s string) bool {
	if len(s) != 2*len(dst) {
		return false
	}
	for i := range dst {
		hi, lo := nibble(s[2*i]), nibble(s[2*i+1])
		if hi > 15 || lo > 15 {
			return false
		}
		dst[i] = hi<<4 | lo
	}
	return true
}

// nibble is the value of a hex digit, above 15 for any other byte.
func nibble(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	default:
		return 0xff
	}
}

// clip keeps error texts short: the header comes from outside.
func clip(s string) string {
	const most = 128
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
