package config

import (
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/contrib/propagators/b3"
	"go.opentelemetry.io/otel/propagation"

	"github.com/epilogue-go/epilogue/internal/otelenv"
)

const propagatorsKey = "OTEL_PROPAGATORS"

// propagator returns the first of: option, OTEL_PROPAGATORS, preset, default.
func (r *resolver) propagator() propagation.TextMapPropagator {
	if r.options.Propagator != nil {
		return r.options.Propagator
	}
	if _, value := r.env.Lookup(propagatorsKey); value != "" {
		if p, known := r.propagatorsNamed(value); known {
			return p
		}
	}
	if r.preset.Propagator != nil {
		return r.preset.Propagator
	}
	p, _ := r.propagatorsNamed("tracecontext,baggage")
	return p
}

// propagatorsNamed joins the propagators in value, each once. known is false if value has no known name.
func (r *resolver) propagatorsNamed(value string) (joined propagation.TextMapPropagator, known bool) {
	var picked []propagation.TextMapPropagator
	seen := map[string]bool{}
	for _, given := range otelenv.List(value) {
		name := strings.ToLower(given)
		p, ok := r.propagatorNamed(name)
		switch {
		case !ok:
			r.env.Reject(propagatorsKey, value, fmt.Sprintf("%s is unknown (write %s, separated by commas)",
				otelenv.Quote(given), otelenv.Alternatives(r.propagatorNames())))
		case p != nil && !seen[name]:
			picked = append(picked, p)
		}
		known = known || ok
		seen[name] = true
	}
	return propagation.NewCompositeTextMapPropagator(picked...), known
}

// propagatorNamed returns the propagator of a name in lower case. It is nil for none.
func (r *resolver) propagatorNamed(name string) (p propagation.TextMapPropagator, known bool) {
	for _, n := range slices.Backward(r.propagators) {
		if strings.ToLower(n.name) == name {
			return n.propagator, true
		}
	}
	switch name {
	case "none":
		return nil, true
	case "tracecontext":
		return propagation.TraceContext{}, true
	case "baggage":
		return propagation.Baggage{}, true
	case "b3", "b3multi": // both read either form; they write different headers (OpenTelemetry specification, "Propagators API", B3)
		encoding := b3.B3SingleHeader
		if name == "b3multi" {
			encoding = b3.B3MultipleHeader
		}
		return b3.New(b3.WithInjectEncoding(encoding)), true
	}
	return nil, false
}

// propagatorNames returns the known names, each once.
func (r *resolver) propagatorNames() []string {
	names := []string{"none", "tracecontext", "baggage", "b3", "b3multi"}
	for _, n := range r.propagators {
		if !slices.ContainsFunc(names, func(known string) bool { return strings.EqualFold(known, n.name) }) {
			names = append(names, n.name)
		}
	}
	return names
}
