package otelx

import (
	"context"
	"net/url"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/otlphttp"
)

// newHTTPSender reads the settings of the OTLP exporter and returns its sender.
func (c *config) newHTTPSender(env *otelenv.Reader) httpSender {
	dial, sign, classify := c.chosen.dial, c.chosen.sign, c.chosen.classify
	if dial == nil {
		dial = c.fallback.dial
	}
	if sign == nil {
		sign = c.fallback.sign
	}
	if classify == nil {
		classify = c.fallback.classify
	}
	env.CheckProtocol(otelenv.Traces)
	client := otlphttp.NewClient(otlphttp.ClientConfig{
		Authorities:  env.Authorities(otelenv.Traces),
		Certificates: env.ClientCertificates(otelenv.Traces),
		Dial:         dial,
		Sign:         sign,
	})
	return httpSender{client: client, limits: c.resolveLimits(), endpoint: client.Endpoint(otlphttp.EndpointConfig{
		URL:      c.resolveEndpoint(env),
		Headers:  c.resolveHeaders(env),
		Timeout:  env.Timeout(otelenv.Traces),
		Gzip:     env.Gzip(otelenv.Traces),
		Classify: classify,
	})}
}

// httpSender sends spans over a Client of its own.
type httpSender struct {
	endpoint *otlphttp.Sender
	client   *otlphttp.Client
	limits   Limits
}

func (s httpSender) Limits() delivery.Limits { return s.limits.engineLimits() }

func (s httpSender) Send(ctx context.Context, _ delivery.Signal, body []byte) (delivery.Result, error) {
	return s.endpoint.Send(ctx, body)
}

func (s httpSender) Close() error { return s.client.Close() }

// resolveEndpoint returns the first valid one of: option, variable for traces, variable for all signals, fallback, default.
func (c *config) resolveEndpoint(env *otelenv.Reader) *url.URL {
	if u := c.findEndpoint(env); u != nil {
		return u
	}
	return otelenv.DefaultEndpoint(otelenv.Traces)
}

// findEndpoint is resolveEndpoint without the default; nil for none.
func (c *config) findEndpoint(env *otelenv.Reader) *url.URL {
	if u := c.givenEndpoint(env); u != nil {
		return u
	}
	return env.URL("WithEndpoint", c.fallback.endpoint)
}

// givenEndpoint is findEndpoint without the fallback.
func (c *config) givenEndpoint(env *otelenv.Reader) *url.URL {
	return env.Endpoint(otelenv.Traces, "WithEndpoint", c.chosen.endpoint)
}

// resolveHeaders returns the option's headers, else the environment's, else the fallback's.
func (c *config) resolveHeaders(env *otelenv.Reader) map[string]string {
	headers := c.chosen.headers
	if headers == nil {
		if headers = env.Headers(otelenv.Traces); headers != nil {
			return headers
		}
		headers = c.fallback.headers
	}
	env.CheckHeaders("WithHeaders", headers) // a copy, made by the option
	return headers
}
