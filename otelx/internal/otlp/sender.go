package otlp

import (
	"context"
	"time"
)

// Result says what came of a request beyond success or failure.
type Result struct {
	// Rejected is the number of spans the backend has refused for good out of a request that it accepted.
	Rejected int64
	// Message is what the backend said about an accepted request: why spans were rejected, a warning, or that its
	// answer could not be read. It is printable and at most a few hundred bytes long.
	Message string
	// Hint is what the user can do about a refusal; empty if nothing is known.
	Hint string
	// Retryable says that the same request may be accepted if it is sent again.
	Retryable bool
	// Later says, of what is Retryable, that another attempt at once would fail for the same reason, which is on this side.
	Later bool
	// TooLarge says that the backend refused the request for its size: smaller ones may be accepted.
	TooLarge bool
	// RetryAfter is how long the backend has asked to wait before that; 0 if it has not.
	RetryAfter time.Duration
}

// Sender delivers encoded requests. Each Send is one attempt; deciding on another is the caller's.
type Sender interface {
	// Send delivers body, an encoded request, and returns when the backend has answered, when ctx ends or when the
	// Sender's own limit for an attempt has passed. A nil error means accepted, perhaps with Rejected > 0. With an
	// error, Result says whether another attempt makes sense.
	//
	// Send is safe for concurrent use. It does not change body and, once it has returned, does not read it: the caller
	// may use its memory again.
	Send(ctx context.Context, body []byte) (Result, error)
	// Close lets go of what the Sender holds between requests. A Send under way goes on. Close is idempotent.
	Close() error
}
