package sandbox

import "net/http"

// Refusal is an answer of the APIs other than success.
type Refusal struct {
	Status int // of HTTP

	ErrorBody
}

// Forbidden returns a Refusal with status 403.
func Forbidden(errorType, message string) *Refusal {
	return refusal(http.StatusForbidden, errorType, message)
}

func refusal(status int, errorType, message string) *Refusal {
	return &Refusal{status, ErrorBody{Type: errorType, Message: message}}
}
