package config

import (
	"net/url"
	"os"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/otelx/internal/traces"
)

// Kinds of exporters, as OTEL_TRACES_EXPORTER names them.
const (
	otlpExporter    = "otlp"
	consoleExporter = "console"
	noExporter      = "none"
	customExporter  = "custom" // an option's
)

const endpointOption = "WithEndpoint"

// exporterKind returns the kind of the first of: option, OTEL_TRACES_EXPORTER, preset, default.
func (r *resolver) exporterKind() string {
	switch {
	case r.options.Exporter != nil:
		return customExporter
	case r.options.Sender != nil:
		return otlpExporter
	}
	standard := otlpExporter
	if r.preset.Exporter != nil {
		standard = customExporter
	}
	return r.env.Choice([]string{otlpExporter, consoleExporter, noExporter}, standard, "OTEL_TRACES_EXPORTER")
}

// destination returns where spans go; the zero value is nowhere.
func (r *resolver) destination() Destination {
	option, preset := &r.options.Traces, &r.preset.Traces
	switch r.exporterKind() {
	case otlpExporter:
		if r.options.Sender != nil {
			return Destination{Sender: r.options.Sender}
		}
		endpoint := r.endpoint(otelenv.Traces, option)
		if endpoint == nil && r.preset.Sender != nil {
			return Destination{Sender: r.preset.Sender}
		}
		return Destination{OTLP: r.otlp(otelenv.Traces, endpoint, option, preset)}
	case consoleExporter:
		return Destination{Exporter: traces.NewConsole(os.Stdout)}
	case customExporter:
		if r.options.Exporter != nil {
			return Destination{Exporter: r.options.Exporter}
		}
		return Destination{Exporter: r.preset.Exporter}
	}
	return Destination{}
}

// endpoint returns the first valid one of: option, variable of the signal, variable for all signals; nil for none.
func (r *resolver) endpoint(s otelenv.Signal, option *Signal) *url.URL {
	return r.env.Endpoint(s, endpointOption, option.Endpoint)
}

// presetEndpoint returns the preset's endpoint; nil for none.
func (r *resolver) presetEndpoint(preset *Signal) *url.URL {
	return r.env.URL(endpointOption, preset.Endpoint)
}

// otlp returns the destination of a signal at the first of: endpoint, the preset's, the default.
func (r *resolver) otlp(s otelenv.Signal, endpoint *url.URL, option, preset *Signal) *OTLP {
	if endpoint == nil {
		endpoint = r.presetEndpoint(preset)
	}
	if endpoint == nil {
		endpoint = otelenv.DefaultEndpoint(s)
	}
	r.env.CheckProtocol(s)
	return &OTLP{
		HTTP:         r.options.HTTP.or(r.preset.HTTP),
		URL:          endpoint,
		Headers:      r.headers(s, option, preset),
		Timeout:      r.env.Timeout(s),
		Gzip:         r.env.Gzip(s),
		Authorities:  r.env.Authorities(s),
		Certificates: r.env.ClientCertificates(s),
	}
}

// headers returns the first of: option, environment, preset.
func (r *resolver) headers(s otelenv.Signal, option, preset *Signal) map[string]string {
	headers := option.Headers
	if headers == nil {
		if headers = r.env.Headers(s); headers != nil {
			return headers
		}
		headers = preset.Headers
	}
	r.env.CheckHeaders("WithHeaders", headers) // a copy, made by the option
	return headers
}
