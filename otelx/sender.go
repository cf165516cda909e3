package otelx

import (
	"context"
	"time"

	"github.com/epilogue-go/epilogue/otelx/internal/otlp"
)

// Sender delivers encoded requests in the place of OTLP over HTTP; see [WithSender]. Each Send is one attempt: when to
// make another is the SDK's to decide.
type Sender interface {
	// Send delivers request, an OTLP ExportTraceServiceRequest in protobuf, and returns soon after ctx has ended. A nil
	// error means that the backend has it, but for SendResult.Rejected spans of it; whoever has no answer to go by says
	// in its documentation what it takes for one. With an error the SendResult says whether another attempt makes sense.
	//
	// Send is called by up to 32 goroutines at once. It does not change request and, once it has returned, neither reads
	// nor keeps it: its memory is used again. A panic is a refusal for good.
	Send(ctx context.Context, request []byte) (SendResult, error)
	// Close lets go of what is held between requests. It is called once, by the SDK's Shutdown, with no Send under way
	// and none to come.
	Close() error
}

// SendResult says what came of a [Sender]'s attempt beyond success or failure. With an error, the zero value says that
// the backend will never take these spans: they are dropped as refused.
type SendResult struct {
	// Rejected is the number of spans that the backend has refused for good out of a request that it accepted.
	Rejected int64
	// Message is what the backend said about a request that it accepted, fit to be shown.
	Message string
	// Retryable says that the same spans may be accepted in another attempt; they are kept.
	Retryable bool
	// Later says, of what is Retryable, that the reason is on this side and will not pass in a moment: the attempt is not
	// repeated before the next flush, but by one that there is no flush after.
	Later bool
	// TooLarge says that smaller requests may be accepted: the spans are tried in such at once, and a span that is too
	// large alone is dropped as such.
	TooLarge bool
	// RetryAfter is how long the backend wants to be left alone before another attempt; 0 if it did not say.
	RetryAfter time.Duration
}

// WithSender has s deliver what the SDK has encoded, in the place of OTLP over HTTP: nothing that concerns HTTP, from
// [WithEndpoint] on, has an effect then. How large requests may be is for [WithLimits] to say. A nil s changes nothing.
//
// Inside [Fallback] it counts only where neither an option nor the environment names an endpoint. It has no effect with
// [WithExporter]. OTEL_TRACES_EXPORTER=console or none beats it inside Fallback only.
func WithSender(s Sender) Option {
	return optionFunc(func(c *config) { set(&c.target.sender, s, s != nil) })
}

// resolveSender returns the sender that takes the place of HTTP; nil for none.
func (c *config) resolveSender(env *environment) Sender {
	if c.chosen.sender != nil || c.fallback.sender == nil {
		return c.chosen.sender
	}
	if c.givenEndpoint(&environment{getenv: c.getenv}) != nil {
		return nil
	}
	_ = c.givenEndpoint(env) // for what is wrong with those that do not count
	return c.fallback.sender
}

// foreignSender adapts a Sender of another package.
type foreignSender struct{ Sender }

var _ otlp.Sender = foreignSender{}

func (s foreignSender) Send(ctx context.Context, body []byte) (otlp.Result, error) {
	res, err := s.Sender.Send(ctx, body)
	return otlp.Result{
		Rejected: res.Rejected, Message: res.Message,
		Retryable: res.Retryable, Later: res.Later, TooLarge: res.TooLarge, RetryAfter: res.RetryAfter,
	}, err
}
