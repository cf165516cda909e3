package replay

import (
	"errors"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/otlphttp"
	"github.com/epilogue-go/epilogue/internal/version"
)

// Signals are the signals, in the order in which they are sent.
var Signals = []otelenv.Signal{otelenv.Traces, otelenv.Metrics, otelenv.Logs}

// Settings say where and how a [Sender] sends.
type Settings struct {
	Destinations map[otelenv.Signal]Destination
	RetryFor     time.Duration // how long the attempts at one request go on
	OnRetry      func(error)   // called once for each signal, when an attempt has failed and another one follows; nil: nothing
}

// Destination is the endpoint of a signal.
type Destination struct {
	Client   otlphttp.ClientConfig
	Endpoint otlphttp.EndpointConfig
}

// ReadSettings reads the variables of the OTLP exporters: OTEL_EXPORTER_OTLP_ENDPOINT, _HEADERS, _TIMEOUT, _COMPRESSION,
// _CERTIFICATE, _CLIENT_CERTIFICATE, _CLIENT_KEY and _PROTOCOL, each also as OTEL_EXPORTER_OTLP_TRACES_…, _METRICS_… and _LOGS_…,
// which win. endpoint, the value of the flag -endpoint, wins over the variables unless it is empty. If it ends in the path of a
// signal, such as /v1/traces, the other signals have theirs in its place. Otherwise it is the endpoint of spans alone.
//
// A function must start whatever its settings are, but a command refuses bad ones: each of them is an error.
func ReadSettings(getenv func(string) string, endpoint string) (Settings, error) {
	env := otelenv.New(getenv)
	s := Settings{Destinations: make(map[otelenv.Signal]Destination)}
	for _, signal := range Signals {
		s.Destinations[signal] = readDestination(env, signal, endpointOf(signal, endpoint))
	}
	return s, errors.Join(env.Errs()...)
}

func readDestination(env *otelenv.Reader, signal otelenv.Signal, endpoint string) Destination {
	env.CheckProtocol(signal)
	d := Destination{
		Client: otlphttp.ClientConfig{
			Authorities:  env.Authorities(signal),
			Certificates: env.ClientCertificates(signal),
			UserAgent:    "epilogue-replay/" + version.Version,
		},
		Endpoint: otlphttp.EndpointConfig{
			URL:     env.Endpoint(signal, "-endpoint", endpoint),
			Headers: env.Headers(signal),
			Timeout: env.Timeout(signal, otelenv.DefaultTimeout),
			Gzip:    env.Compression(signal) == "gzip",
		},
	}
	if d.Endpoint.URL == nil {
		d.Endpoint.URL = otelenv.DefaultEndpoint(signal)
	}
	return d
}

// endpointOf returns the flag's endpoint for a signal; empty: the variables say it.
func endpointOf(signal otelenv.Signal, flag string) string {
	for _, named := range Signals {
		if origin, ok := strings.CutSuffix(flag, path(named)); ok {
			return origin + path(signal)
		}
	}
	if signal == otelenv.Traces {
		return flag
	}
	return ""
}

func path(signal otelenv.Signal) string { return "/v1/" + strings.ToLower(string(signal)) }
