package otelx

import (
	"bytes"
	"context"
	"crypto/tls"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otlphttp"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

// engines are the delivery engines of one SDK: one for each origin, which the signals that go there share.
type engines struct {
	resources *delivery.Resources
	requests  int // under way at once to one origin
	all       []*delivery.Engine
	origins   []*origin
}

// newEngines returns none yet. A request has at most requestBytes.
func newEngines(requestBytes, requests int) *engines {
	return &engines{resources: delivery.NewResources(requestBytes), requests: requests}
}

// of returns the engine for requests of a signal: of its Sender, or of the origin of its endpoint.
func (e *engines) of(s delivery.Signal, x *config.Export) *delivery.Engine {
	if x.Sender != nil {
		return e.add(delivery.NewEngine(x.Sender, e.resources))
	}
	i := slices.IndexFunc(e.origins, func(o *origin) bool { return sameOrigin(o.settings, x) })
	if i < 0 {
		i = len(e.origins)
		e.origins = append(e.origins, e.newOrigin(x))
	}
	o := e.origins[i]
	o.senders[s] = o.client.Endpoint(otlphttp.EndpointConfig{
		URL: x.Endpoint, Headers: x.Headers, Timeout: *x.Timeout, Gzip: x.Compress == "gzip", MaxResponse: int64(x.ResponseBytes),
		Sign: x.Sign, Classify: x.Classify,
	})
	return o.engine
}

// ofItems returns a new engine for one queue with an exporter of items.
func (e *engines) ofItems() *delivery.Engine { return e.add(delivery.NewItemEngine()) }

func (e *engines) add(engine *delivery.Engine) *delivery.Engine {
	e.all = append(e.all, engine)
	return engine
}

func (e *engines) setExitDeadline(t time.Time) {
	for _, engine := range e.all {
		engine.SetExitDeadline(t)
	}
}

// origin sends the requests of several signals over one Client.
type origin struct {
	engine   *delivery.Engine
	client   *otlphttp.Client
	requests int
	senders  map[delivery.Signal]*otlphttp.Sender // complete before the first Send
	settings *config.Export                       // of its first signal
}

var _ delivery.Sender = (*origin)(nil)

func (e *engines) newOrigin(x *config.Export) *origin {
	c := otlphttp.ClientConfig{Authorities: x.Authorities, Certificates: x.Certificates}
	if x.Dial != nil {
		c.Dial = *x.Dial
	}
	o := &origin{
		client: otlphttp.NewClient(c), requests: e.requests, settings: x,
		senders: make(map[delivery.Signal]*otlphttp.Sender),
	}
	o.engine = e.add(delivery.NewEngine(o, e.resources))
	return o
}

func (o *origin) Limits() delivery.Limits {
	return delivery.Limits{Requests: o.requests, Breaker: true}
}

func (o *origin) Send(ctx context.Context, s delivery.Signal, body []byte) (delivery.Result, error) {
	return o.senders[s].Send(ctx, body)
}

func (o *origin) Close() error { return o.client.Close() }

// sameOrigin reports whether two signals have the same scheme, host, port, TLS client identity and dialer.
func sameOrigin(a, b *config.Export) bool {
	return strings.EqualFold(a.Endpoint.Scheme, b.Endpoint.Scheme) &&
		strings.EqualFold(a.Endpoint.Hostname(), b.Endpoint.Hostname()) && portOf(a.Endpoint) == portOf(b.Endpoint) &&
		a.Dial == b.Dial &&
		(a.Authorities == b.Authorities || a.Authorities.Equal(b.Authorities)) &&
		slices.EqualFunc(a.Certificates, b.Certificates, func(a, b tls.Certificate) bool {
			return slices.EqualFunc(a.Certificate, b.Certificate, bytes.Equal)
		})
}

func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	if strings.EqualFold(u.Scheme, "https") {
		return "443"
	}
	return "80"
}
