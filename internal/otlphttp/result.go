package otlphttp

import (
	"fmt"
	"time"
)

// Outcome classifies an attempt.
type Outcome int

const (
	// Accepted means that the backend has the request. Result.Rejected items of it are lost.
	Accepted Outcome = iota
	// Refused means that the backend will never accept the request.
	Refused
	// TooLarge means that the backend refused the request for its size. Smaller requests may be accepted.
	TooLarge
	// Retryable means that another attempt may succeed.
	Retryable
	// RetryNextFlush means that another attempt may succeed, but not in this flush: the reason is on this side and does
	// not pass in a moment.
	RetryNextFlush
)

// String returns the outcome in words.
func (o Outcome) String() string {
	switch o {
	case Accepted:
		return "accepted"
	case Refused:
		return "refused"
	case TooLarge:
		return "too large"
	case Retryable:
		return "retryable"
	case RetryNextFlush:
		return "retry next flush"
	}
	return fmt.Sprintf("Outcome(%d)", int(o))
}

// Result describes an attempt. The zero value is a plain acceptance.
type Result struct {
	// Rejected is how many items of an accepted request the backend has refused for good.
	Rejected int64
	// Message is what the backend said about an accepted request. It is printable and a few hundred bytes long at most.
	Message string
	// RetryAfter is how long the backend asked to wait before the next attempt; 0 if it did not ask.
	RetryAfter time.Duration
	// Outcome classifies the attempt.
	Outcome Outcome
	// Answered reports whether the backend responded, with any status. Otherwise the connection was refused or broke, TLS
	// or DNS failed, or no response came in time.
	Answered bool
	// Hint tells the user what to do about a failure; empty if nothing is known.
	Hint string
	// HintKey identifies the hint, so that a caller reports it once; empty without a hint.
	HintKey string
	// Status is the HTTP status; 0 without a response.
	Status int
}
