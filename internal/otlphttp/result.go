package otlphttp

import "github.com/epilogue-go/epilogue/internal/delivery"

type (
	// Result describes an attempt.
	Result = delivery.Result
	// Outcome is the result of an attempt.
	Outcome = delivery.Outcome
)

// The outcomes of an attempt.
const (
	Accepted       = delivery.Accepted
	Refused        = delivery.Refused
	TooLarge       = delivery.TooLarge
	Retryable      = delivery.Retryable
	RetryNextFlush = delivery.RetryNextFlush
)
