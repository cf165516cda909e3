package otlphttp

import "github.com/epilogue-go/epilogue/internal/delivery"

// Result and Outcome describe an attempt.
type (
	Result  = delivery.Result
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
