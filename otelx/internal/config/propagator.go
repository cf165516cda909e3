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

var standardPropagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})

// namedPropagator is a name for OTEL_PROPAGATORS; a nil propagator does nothing.
type namedPropagator struct {
	name       string
	propagator propagation.TextMapPropagator
}

// knownPropagators returns the propagators of every program. Each B3 reads both forms and writes one (OpenTelemetry
// specification, "Propagators API", B3).
func knownPropagators() []namedPropagator {
	return []namedPropagator{
		{"none", nil},
		{"tracecontext", propagation.TraceContext{}},
		{"baggage", propagation.Baggage{}},
		{"b3", b3.New(b3.WithInjectEncoding(b3.B3SingleHeader))},
		{"b3multi", b3.New(b3.WithInjectEncoding(b3.B3MultipleHeader))},
	}
}

// propagatorIndex returns the index of the propagator with a name; -1 if it is unknown.
func (b *builder) propagatorIndex(name string) int {
	return slices.IndexFunc(b.propagators, func(p namedPropagator) bool { return strings.EqualFold(p.name, name) })
}

// propagator joins the propagators that OTEL_PROPAGATORS names, each once. It is nil if it names none that is known.
func (r *resolver) propagator() propagation.TextMapPropagator {
	_, value := r.env.Lookup(propagatorsKey)
	var picked []propagation.TextMapPropagator
	var used, unknown []string
	errs := r.env.Mark()
	for _, name := range otelenv.List(value) {
		i := r.propagatorIndex(name)
		if i < 0 {
			if quoted := otelenv.Quote(name); !slices.Contains(unknown, quoted) {
				unknown = append(unknown, quoted)
			}
			continue
		}
		p := r.propagators[i]
		if p.propagator != nil && !slices.Contains(used, p.name) {
			picked = append(picked, p.propagator)
		}
		used = append(used, p.name)
	}
	r.rejectPropagators(value, unknown)
	switch {
	case len(used) > 0:
		r.env.Conclude(errs, strings.Join(used, ",")+" is used")
		return propagation.NewCompositeTextMapPropagator(picked...)
	case r.preset.Propagator != nil:
		r.env.Conclude(errs, "that of otelx.Fallback is used")
	default:
		r.env.Conclude(errs, "tracecontext,baggage is used")
	}
	return nil
}

// rejectPropagators adds one error for all the unknown names of value, which are quoted.
func (r *resolver) rejectPropagators(value string, unknown []string) {
	are, them := "is", "it"
	switch {
	case len(unknown) == 0:
		return
	case len(unknown) > 1:
		are, them = "are", "them"
	}
	r.env.Reject(propagatorsKey, value, fmt.Sprintf("%s %s unknown (write %s, separated by commas, or add %s by "+
		"otelx.WithNamedPropagator)", strings.Join(unknown, ", "), are, otelenv.Alternatives(r.propagatorNames()), them))
}

func (b *builder) propagatorNames() (names []string) {
	for _, p := range b.propagators {
		names = append(names, p.name)
	}
	return names
}
