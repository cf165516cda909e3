package api

import (
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/internal/sandbox"
)

// Header names of the Runtime API.
const (
	HeaderRequestID       = "Lambda-Runtime-Aws-Request-Id"
	HeaderDeadline        = "Lambda-Runtime-Deadline-Ms"
	HeaderTraceID         = "Lambda-Runtime-Trace-Id"
	HeaderInvokedARN      = "Lambda-Runtime-Invoked-Function-Arn"
	HeaderClientContext   = "Lambda-Runtime-Client-Context"
	HeaderCognitoIdentity = "Lambda-Runtime-Cognito-Identity"
	HeaderTenantID        = "Lambda-Runtime-Aws-Tenant-Id"
	HeaderErrorType       = "Lambda-Runtime-Function-Error-Type" // of a posted error; also a trailer
	HeaderErrorBody       = "Lambda-Runtime-Function-Error-Body" // a trailer, base64
)

// runtimeNext serves GET /runtime/invocation/next: it blocks until there is an invocation.
func (a *API) runtimeNext(w http.ResponseWriter, r *http.Request) {
	loop, refusal := a.box.AwaitInvocation()
	if refusal != nil {
		refuse(w, refusal)
		return
	}
	select {
	case run := <-loop:
		a.writeInvocation(w, run)
	case <-r.Context().Done():
		a.box.DropLoop(loop)
	case <-a.box.Gone():
		hangUp()
	}
}

func (a *API) writeInvocation(w http.ResponseWriter, run *sandbox.Run) {
	h := w.Header()
	h.Set(HeaderRequestID, run.RequestID)
	h.Set(HeaderDeadline, strconv.FormatInt(run.Deadline.UnixMilli(), 10))
	h.Set(HeaderInvokedARN, a.config.ARN)
	if run.TraceHeader != "" {
		h.Set(HeaderTraceID, run.TraceHeader)
	}
	for name, value := range run.Header {
		if value != "" {
			h.Set(name, value)
		}
	}
	writeBody(w, http.StatusOK, run.Payload)
}

// response serves POST /runtime/invocation/{id}/response.
func (a *API) response(w http.ResponseWriter, r *http.Request) {
	run, refusal := a.box.BeginPost(r.PathValue("id"), true)
	if refusal != nil {
		refuse(w, refusal)
		return
	}
	begun := time.Now()
	body, err := a.read(r)
	posted := eventlog.Event{Kind: sandbox.ResponsePosted, Count: len(body), Duration: time.Since(begun)}
	writeAccepted(w, a.box.EndPost(run, posted, responseOf(r, body), err))
}

// invocationError serves POST /runtime/invocation/{id}/error.
func (a *API) invocationError(w http.ResponseWriter, r *http.Request) {
	run, refusal := a.box.BeginPost(r.PathValue("id"), false)
	if refusal != nil {
		refuse(w, refusal)
		return
	}
	body, err := a.read(r)
	result := sandbox.PostedError(r.Header.Get(HeaderErrorType), body)
	posted := eventlog.Event{Kind: sandbox.ErrorPosted, Detail: result.ErrorType, Count: len(body)}
	writeAccepted(w, a.box.EndPost(run, posted, result, err))
}

// initError serves POST /runtime/init/error: the runtime fails before its first next.
func (a *API) initError(w http.ResponseWriter, r *http.Request) {
	body, err := a.read(r)
	if err != nil {
		return // the connection broke
	}
	writeAccepted(w, a.box.RuntimeInitError(sandbox.PostedError(r.Header.Get(HeaderErrorType), body)))
}

// read reads a body to the byte that makes it too large.
func (a *API) read(r *http.Request) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r.Body, int64(a.box.MaxResponse())+1))
}

// responseOf is the Result for a posted response: the body, or the error in trailers if the function's reader failed.
func responseOf(r *http.Request, body []byte) sandbox.Result {
	errorType := r.Trailer.Get(HeaderErrorType)
	if errorType == "" {
		return sandbox.Result{Payload: body, ContentType: r.Header.Get("Content-Type")}
	}
	payload, err := base64.StdEncoding.DecodeString(r.Trailer.Get(HeaderErrorBody))
	if err != nil {
		payload = nil // there is only the type
	}
	return sandbox.PostedError(errorType, payload)
}
