package otlphttp

import "github.com/epilogue-go/epilogue/internal/delivery"

// Result describes an attempt.
type Result = delivery.Result

// Outcome says what an attempt means for its items.
type Outcome = delivery.Outcome

// The outcomes of an attempt.
const (
	Accepted       = delivery.Accepted
	Refused        = delivery.Refused
	TooLarge       = delivery.TooLarge
	Retryable      = delivery.Retryable
	RetryNextFlush = delivery.RetryNextFlush
)
