package pipeline

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
	"github.com/epilogue-go/epilogue/otelx/internal/faults"
)

// Builder makes the engines and the queues of one SDK: an engine for each origin, which the signals that go there share.
type Builder struct {
	// DropError makes the error that reports lost items of a signal.
	DropError func(s delivery.Signal, d delivery.Dropped, cause error) error
	Handler   *faults.Handler // of all signals' faults

	resources *delivery.Resources
	requests  int // under way at once to one origin
	engines   []*delivery.Engine
	origins   []*origin
}

// NewBuilder returns a Builder. A request has at most requestBytes, and so many requests are under way at once to one origin.
func NewBuilder(requestBytes, requests int, handler *faults.Handler) *Builder {
	return &Builder{Handler: handler, resources: delivery.NewResources(requestBytes), requests: requests}
}

// Engine returns the engine for requests of a signal: of its Sender, or of the origin of its endpoint.
func (b *Builder) Engine(s delivery.Signal, x *Export) *delivery.Engine {
	if x.Sender != nil {
		return b.add(delivery.NewEngine(x.Sender, b.resources))
	}
	i := slices.IndexFunc(b.origins, func(o *origin) bool { return sameOrigin(o.settings, x) })
	if i < 0 {
		i = len(b.origins)
		b.origins = append(b.origins, b.newOrigin(x))
	}
	o := b.origins[i]
	o.senders[s] = o.client.Endpoint(otlphttp.EndpointConfig{
		URL: x.Endpoint, Headers: x.Headers, Timeout: *x.Timeout, Gzip: x.Compress == "gzip", MaxResponse: int64(x.ResponseBytes),
		Sign: x.Sign, Classify: x.Classify,
	})
	return o.engine
}

// ItemEngine returns a new engine for one queue with an exporter of items.
func (b *Builder) ItemEngine() *delivery.Engine { return b.add(delivery.NewItemEngine()) }

func (b *Builder) add(engine *delivery.Engine) *delivery.Engine {
	b.engines = append(b.engines, engine)
	return engine
}

// SetExitDeadline sets the exit deadline of all engines.
func (b *Builder) SetExitDeadline(t time.Time) {
	for _, engine := range b.engines {
		engine.SetExitDeadline(t)
	}
}

// Reporter returns a reporter of the faults of a signal.
func (b *Builder) Reporter(s delivery.Signal) *faults.Reporter {
	return faults.NewReporter(b.Handler, ItemsOf(s))
}

// QueueConfig returns the configuration of a signal's queue.
func (b *Builder) QueueConfig(s delivery.Signal, x *Export) delivery.Config {
	report := b.Reporter(s)
	return delivery.Config{
		Signal:           s,
		Items:            ItemsOf(s),
		Capacity:         x.QueueSize,
		MaxBytes:         x.QueueBytes,
		BatchSize:        x.BatchSize,
		RequestBytes:     x.RequestBytes,
		ItemBytes:        x.Limits.ItemBytes,
		Delay:            *x.ScheduleDelay,
		Timeout:          *x.ExportTimeout,
		DropError:        func(d delivery.Dropped, cause error) error { return b.DropError(s, d, cause) },
		OnError:          report.Failure,
		OnPartialSuccess: report.PartialSuccess,
		OnHint:           report.Hint,
	}
}

// origin sends the requests of several signals over one Client.
type origin struct {
	engine   *delivery.Engine
	client   *otlphttp.Client
	requests int
	senders  map[delivery.Signal]*otlphttp.Sender // complete before the first Send
	settings *Export                              // of its first signal
}

var _ delivery.Sender = (*origin)(nil)

func (b *Builder) newOrigin(x *Export) *origin {
	c := otlphttp.ClientConfig{Authorities: x.Authorities, Certificates: x.Certificates}
	if x.Dial != nil {
		c.Dial = *x.Dial
	}
	o := &origin{
		client: otlphttp.NewClient(c), requests: b.requests, settings: x,
		senders: make(map[delivery.Signal]*otlphttp.Sender),
	}
	o.engine = b.add(delivery.NewEngine(o, b.resources))
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
func sameOrigin(a, b *Export) bool {
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
