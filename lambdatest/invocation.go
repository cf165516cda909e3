package lambdatest

import (
	"net/http"

	"github.com/epilogue-go/epilogue/lambdatest/internal/api"
	"github.com/epilogue-go/epilogue/lambdatest/internal/sandbox"
)

// Invocation is a caller's request. Empty fields are left out, except for the request ID.
type Invocation struct {
	RequestID       string // default: a random UUID
	Payload         []byte // the event; default "{}"
	TraceHeader     string // X-Ray's, as in "Root=…;Parent=…;Sampled=1"
	ClientContext   string // JSON
	CognitoIdentity string // JSON
	TenantID        string
}

// Response is the caller's response. A failure of the function is a Response too, not an error of Invoke.
type Response struct {
	RequestID     string
	Payload       []byte // of the response, or the JSON error
	ContentType   string // as the runtime posted it
	StatusCode    int    // 200, also for a function's error, as the service's Invoke API answers
	FunctionError string // "" or "Unhandled"
	ErrorType     string // decoded from Payload if FunctionError is set
	ErrorMessage  string // the same
	TimedOut      bool   // the deadline passed first
	Cold          bool   // the invocation started the process
}

// newRun returns inv as the sandbox has it.
func newRun(inv Invocation) *sandbox.Run {
	r := sandbox.NewRun(inv.RequestID, inv.Payload)
	r.TraceHeader = inv.TraceHeader
	r.Header = map[string]string{
		api.HeaderClientContext: inv.ClientContext, api.HeaderCognitoIdentity: inv.CognitoIdentity, api.HeaderTenantID: inv.TenantID,
	}
	return r
}

// responseOf returns the answer to r.
func responseOf(r *sandbox.Run, res sandbox.Result) Response {
	return Response{
		RequestID: r.RequestID, Payload: res.Payload, ContentType: res.ContentType, StatusCode: http.StatusOK,
		FunctionError: res.FunctionError, ErrorType: res.ErrorType, ErrorMessage: res.ErrorMessage,
		TimedOut: res.TimedOut, Cold: r.Cold,
	}
}
