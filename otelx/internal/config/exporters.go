package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/epilogue-go/epilogue/internal/otelenv"
)

// The names of exporters.
const (
	OTLP    = "otlp"
	Console = "console"
	Lambda  = "lambda" // JSON lines on standard output
	EMF     = "emf"
	none    = "none"
)

// exporterNames says which exporters a signal has.
type exporterNames struct {
	key     string            // the variable with a list of them
	known   []string          // none is the last
	aliases map[string]string // other names of known ones
	remarks map[string]string // problems of names that users may try
}

// SignalOption configures metrics or logs.
type SignalOption interface {
	MetricsOption
	LogsOption
}

// WithExporters selects exporters by name.
func WithExporters(names []string) SignalOption { return exporterOption(names) }

type exporterOption []string

func (o exporterOption) applyMetrics(b *builder) { b.target.Metrics.Exporters = o }
func (o exporterOption) applyLogs(b *builder)    { b.target.Logs.Exporters = o }

// exporters returns the names of the exporters of a signal, each once: the first of option, variable, preset and OTLP. If an
// endpoint for OTLP is given, OTLP replaces the preset. An empty result means none.
func (r *exportResolver) exporters(names exporterNames, option, preset []string, given bool) []string {
	if option != nil {
		if chosen, ok := r.known(fmt.Sprintf("WithExporters(%q)", option), names, option); ok {
			return chosen
		}
	}
	_, value := r.env.Lookup(names.key)
	chosen, ok := r.known(names.key+"="+otelenv.Quote(value), names, otelenv.List(value))
	switch {
	case ok:
	case given || preset == nil:
		chosen = []string{OTLP}
	default:
		chosen = preset
	}
	return chosen
}

// known returns the known ones of list without none, each once. It reports false if none of list is known.
func (r *exportResolver) known(setting string, names exporterNames, list []string) (chosen []string, ok bool) {
	for _, given := range list {
		name := strings.ToLower(given)
		if alias := names.aliases[name]; alias != "" {
			name = alias
		}
		switch {
		case !slices.Contains(names.known, name):
			r.rejectExporter(setting, names, given)
			continue
		case name != none && !slices.Contains(chosen, name):
			chosen = append(chosen, name)
		}
		ok = true
	}
	return chosen, ok
}

func (r *exportResolver) rejectExporter(setting string, names exporterNames, given string) {
	problem := names.remarks[strings.ToLower(given)]
	if problem == "" {
		problem = "unknown"
	}
	r.env.Fail(fmt.Errorf("%s: %s is %s (write %s, or several separated by commas)",
		setting, otelenv.Quote(given), problem, otelenv.Alternatives(names.known)))
}
