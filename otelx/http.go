package otelx

import (
	"context"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otlphttp"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

// maxRequests is how many HTTP requests are under way at once.
const maxRequests = 32

// httpSender sends spans over a Client of its own.
type httpSender struct {
	endpoint *otlphttp.Sender
	client   *otlphttp.Client
}

func newHTTPSender(c *config.OTLP) httpSender {
	client := otlphttp.NewClient(otlphttp.ClientConfig{
		Authorities: c.Authorities, Certificates: c.Certificates, Dial: c.Dial, Sign: c.Sign,
	})
	return httpSender{client: client, endpoint: client.Endpoint(otlphttp.EndpointConfig{
		URL: c.URL, Headers: c.Headers, Timeout: c.Timeout, Gzip: c.Gzip, Classify: c.Classify,
	})}
}

func (httpSender) Limits() delivery.Limits {
	return delivery.Limits{Requests: maxRequests, Breaker: true}
}

func (s httpSender) Send(ctx context.Context, _ delivery.Signal, body []byte) (delivery.Result, error) {
	return s.endpoint.Send(ctx, body)
}

func (s httpSender) Close() error { return s.client.Close() }
