package delivery

import (
	"context"
	"time"
)

// Signal is a kind of telemetry.
type Signal string

// The signals of OpenTelemetry.
const (
	Traces  Signal = "traces"
	Metrics Signal = "metrics"
	Logs    Signal = "logs"
)

// Sender delivers encoded requests to one origin.
type Sender interface {
	// Send makes one attempt. The error is nil if and only if the Outcome is Accepted. Send returns soon after ctx has
	// ended. It neither changes body nor keeps it after it has returned. Up to Limits().Requests goroutines call it at
	// once.
	Send(ctx context.Context, s Signal, body []byte) (Result, error)
	// Limits are constant.
	Limits() Limits
	// Close releases connections. It is called once, after the last Send has returned.
	Close() error
}

// ItemSender delivers items to a custom exporter. Neither method is called concurrently with itself or the other.
type ItemSender[T any] interface {
	// SendItems returns nil if the exporter has taken the items. It does not change items nor keep them.
	SendItems(ctx context.Context, items []T) error
	// Close is called once, after the last SendItems.
	Close(ctx context.Context) error
}

// Limits describe a destination.
type Limits struct {
	// Requests is how many requests may be under way at once; at least 1. Each signal always has one, so it is at least
	// the number of signals.
	Requests int
	// Breaker says that the signals have circuit breakers.
	Breaker bool
}

// Outcome is the result of one attempt.
type Outcome int

const (
	// Accepted means that the backend has the items, except Result.Rejected of them.
	Accepted Outcome = iota
	// Refused means that the backend will never take the items.
	Refused
	// TooLarge means that the backend may take the items in smaller requests.
	TooLarge
	// Retryable means that another attempt may succeed.
	Retryable
	// RetryNextFlush means that another attempt may succeed, but not soon.
	RetryNextFlush
)

// String returns the outcome in words.
func (o Outcome) String() string {
	return [...]string{"accepted", "refused", "too large", "retryable", "retry next flush"}[o]
}

// Result tells more about an attempt. Its texts are fit for a log: bounded, on one line, and without credentials.
type Result struct {
	Outcome Outcome
	// Answered says that the backend has responded, with any status. It is false if the connection was refused or
	// reset, if TLS or name resolution failed, and if no answer came in time.
	Answered bool
	// AnswersLost is how many requests of the attempt were written and got no response. The backend may have taken
	// each. It is 0 if no connection was made, and usually 1 if Answered is false. It is more if the Sender sent the
	// request again.
	AnswersLost int
	// Rejected is how many of the accepted request's items the backend has rejected (OTLP partial success).
	Rejected int64
	// Message is what the backend says about a request that it accepted.
	Message string
	// RetryAfter is how long the backend wants no further request of this signal; 0 if it did not say.
	RetryAfter time.Duration
	// Status is the HTTP status, 0 if there is none.
	Status int
	// Hint tells the user how to prevent the error; HintKey identifies it, so that it is given once.
	Hint, HintKey string
}

// permanent reports whether the outcome decides about the items: they are delivered or will never be taken.
func (o Outcome) permanent() bool { return o != Retryable && o != RetryNextFlush }
