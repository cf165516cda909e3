package otelx

import (
	"context"
	"time"

	"github.com/epilogue-go/epilogue/internal/otelenv"
)

// Sender delivers encoded requests in place of OTLP over HTTP; see [WithSender]. Each Send is one attempt. The SDK decides
// about another one.
type Sender interface {
	// Send delivers request, an OTLP ExportTraceServiceRequest in protobuf, and returns soon after ctx has ended. A nil
	// error means that the backend has accepted the request, except for SendResult.Rejected spans. A Sender whose backend
	// does not answer documents the meaning of acceptance. With an error, SendResult says whether another attempt may
	// succeed.
	//
	// Up to 32 goroutines call Send at once. It must not change request, and must not read or keep it after it has
	// returned. A panic is a final refusal.
	Send(ctx context.Context, request []byte) (SendResult, error)
	// Close releases the resources kept between requests. The SDK's Shutdown calls it once, with no Send under way and none to
	// come.
	Close() error
}

// SendResult describes an attempt of a [Sender]. With an error, the zero value is a final refusal: the spans are dropped
// and counted as refused.
type SendResult struct {
	// Rejected is how many spans of an accepted request the backend has refused for good.
	Rejected int64
	// Message is what the backend said about an accepted request, in printable text without credentials.
	Message string
	// Retryable means that another attempt may succeed. The spans are kept.
	Retryable bool
	// RetryNextFlush means that another attempt may succeed, but not soon, because the reason is on this side. The attempt
	// is not repeated before the next flush, except by a final flush.
	RetryNextFlush bool
	// TooLarge means that smaller requests may be accepted. The SDK splits the request at once, and drops a span that is
	// too large alone.
	TooLarge bool
	// RetryAfter is how long the backend asked to wait before another attempt; 0 if it did not ask.
	RetryAfter time.Duration
}

// WithSender makes s deliver the encoded requests in place of OTLP over HTTP. Options and variables about HTTP, from
// [WithEndpoint] on, then have no effect. [WithLimits] bounds the requests. A nil s changes nothing.
//
// Inside [Fallback] it counts only if neither an option nor the environment names an endpoint. It has no effect with
// [WithExporter]. OTEL_TRACES_EXPORTER=console or none wins only over a WithSender inside Fallback.
func WithSender(s Sender) Option {
	return optionFunc(func(c *config) { set(&c.target.sender, s, s != nil) })
}

// resolveSender returns the Sender that replaces HTTP; nil for none.
func (c *config) resolveSender(env *otelenv.Reader) Sender {
	if c.chosen.sender != nil || c.fallback.sender == nil {
		return c.chosen.sender
	}
	if c.givenEndpoint(otelenv.New(c.getenv)) != nil {
		return nil
	}
	_ = c.givenEndpoint(env) // for the errors of endpoints that do not count
	return c.fallback.sender
}
