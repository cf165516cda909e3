package replay

import (
	"errors"
	"time"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/otlphttp"
	"github.com/epilogue-go/epilogue/internal/version"
)

// Settings say where and how a [Sender] sends.
type Settings struct {
	Client   otlphttp.ClientConfig
	Endpoint otlphttp.EndpointConfig
	RetryFor time.Duration // how long the attempts at one request go on
	OnRetry  func(error)   // called once, when an attempt has failed and another one follows; nil: nothing
}

// ReadSettings reads the variables of the OTLP exporter for traces: OTEL_EXPORTER_OTLP_ENDPOINT, _HEADERS, _TIMEOUT,
// _COMPRESSION, _CERTIFICATE, _CLIENT_CERTIFICATE, _CLIENT_KEY and _PROTOCOL, each also as OTEL_EXPORTER_OTLP_TRACES_…, which
// wins. endpoint, the value of the flag -endpoint, wins over the variables unless it is empty.
//
// A function must start whatever its settings are, but a command refuses bad ones: each of them is an error.
func ReadSettings(getenv func(string) string, endpoint string) (Settings, error) {
	env := otelenv.New(getenv)
	env.CheckProtocol(otelenv.Traces)
	s := Settings{
		Client: otlphttp.ClientConfig{
			Authorities:  env.Authorities(otelenv.Traces),
			Certificates: env.ClientCertificates(otelenv.Traces),
			UserAgent:    "epilogue-replay/" + version.Version,
		},
		Endpoint: otlphttp.EndpointConfig{
			URL:     env.Endpoint(otelenv.Traces, "-endpoint", endpoint),
			Headers: env.Headers(otelenv.Traces),
			Timeout: env.Timeout(otelenv.Traces, otelenv.DefaultTimeout),
			Gzip:    env.Compression(otelenv.Traces) == "gzip",
		},
	}
	if s.Endpoint.URL == nil {
		s.Endpoint.URL = otelenv.DefaultEndpoint(otelenv.Traces)
	}
	return s, errors.Join(env.Errs()...)
}
