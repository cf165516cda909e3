package pipeline

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// Dial opens a connection.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Export are the settings of the export of one signal.
type Export struct {
	Sender delivery.Sender // replaces OTLP over HTTP

	URL      string   // of OTLP over HTTP
	Endpoint *url.URL // Resolve takes it from URL and the environment; nil if OTLP over HTTP is not used
	Headers  map[string]string
	Timeout  *time.Duration // of an attempt; 0: none
	Compress string         // none or gzip

	Authorities  *x509.CertPool
	Certificates []tls.Certificate
	Dial         *Dial // two signals with the same pointer can share connections
	Sign         func(ctx context.Context, req *http.Request, body []byte) error
	// Classify explains refusals that OTLP counts as final. It gets the HTTP status and the backend's message, shortened and
	// without credentials. It returns a hint that tells the user what to do (empty: none), and whether another attempt may
	// succeed after all; then the items are kept. otel.Handle gets each hint once, together with the message.
	Classify func(status int, message string) (hint string, retry bool)
	// Complete completes the resolved settings of OTLP over HTTP; it may replace Headers, and change nothing else. An error means
	// that the endpoint cannot be used: New reports it, and nothing is sent there.
	Complete func(x *Export) error

	QueueSize     int // items
	QueueBytes    int // of their memory
	BatchSize     int // items in a request
	RequestBytes  int
	ResponseBytes int // of the body of a response
	Limits        Limits
	ScheduleDelay *time.Duration // from the first item in an empty queue to its export in the background
	ExportTimeout *time.Duration // of a batch, and of a flush without a deadline; 0: none
}

// Or returns e with the fields of other instead of those that are not set.
func (e Export) Or(other Export) Export {
	if e.Sender == nil {
		e.Sender = other.Sender
	}
	if e.Headers == nil {
		e.Headers = other.Headers
	}
	if e.Certificates == nil {
		e.Certificates = other.Certificates
	}
	if e.Sign == nil {
		e.Sign = other.Sign
	}
	if e.Classify == nil {
		e.Classify = other.Classify
	}
	if e.Complete == nil {
		e.Complete = other.Complete
	}
	e.URL, e.Compress = first(e.URL, other.URL), first(e.Compress, other.Compress)
	e.Timeout = first(e.Timeout, other.Timeout)
	e.Authorities, e.Dial = first(e.Authorities, other.Authorities), first(e.Dial, other.Dial)
	e.QueueSize, e.QueueBytes = first(e.QueueSize, other.QueueSize), first(e.QueueBytes, other.QueueBytes)
	e.BatchSize, e.RequestBytes = first(e.BatchSize, other.BatchSize), first(e.RequestBytes, other.RequestBytes)
	e.ResponseBytes, e.Limits = first(e.ResponseBytes, other.ResponseBytes), e.Limits.Or(other.Limits)
	e.ScheduleDelay = first(e.ScheduleDelay, other.ScheduleDelay)
	e.ExportTimeout = first(e.ExportTimeout, other.ExportTimeout)
	return e
}

// Limits are the limits of a backend, which hold whatever other settings allow. A zero field is no limit. Bytes count in the
// protobuf encoding before compression.
type Limits struct {
	RequestBytes int
	RequestItems int
	// ItemBytes bounds an encoded item. A larger one is reduced; it is dropped as too large only if that does not suffice.
	ItemBytes int
	// ResourceBytes bounds a resource together with one of its scopes. A larger one is reported to otel.Handle once and sent,
	// because only the backend can decide about it.
	ResourceBytes int
}

// Or returns l with the fields of preset instead of zero fields.
func (l Limits) Or(preset Limits) Limits {
	return Limits{
		RequestBytes:  first(l.RequestBytes, preset.RequestBytes),
		RequestItems:  first(l.RequestItems, preset.RequestItems),
		ItemBytes:     first(l.ItemBytes, preset.ItemBytes),
		ResourceBytes: first(l.ResourceBytes, preset.ResourceBytes),
	}
}

// first returns a, or b if a is zero.
func first[T comparable](a, b T) T {
	var unset T
	if a != unset {
		return a
	}
	return b
}
