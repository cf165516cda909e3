package lambdatest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// Header names of the Runtime API.
const (
	headerRequestID       = "Lambda-Runtime-Aws-Request-Id"
	headerDeadline        = "Lambda-Runtime-Deadline-Ms"
	headerTraceID         = "Lambda-Runtime-Trace-Id"
	headerInvokedARN      = "Lambda-Runtime-Invoked-Function-Arn"
	headerClientContext   = "Lambda-Runtime-Client-Context"
	headerCognitoIdentity = "Lambda-Runtime-Cognito-Identity"
	headerTenantID        = "Lambda-Runtime-Aws-Tenant-Id"
	headerErrorType       = "Lambda-Runtime-Function-Error-Type" // of a posted error; also a trailer
	headerErrorBody       = "Lambda-Runtime-Function-Error-Body" // a trailer, base64
)

// runtimeNext serves GET /runtime/invocation/next: it blocks until there is an invocation.
func (s *sandbox) runtimeNext(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if c := s.current; c != nil && c.released && !c.settled {
		s.mu.Unlock()
		forbidden("InvalidStateTransition", "Transition from Running to Ready is not allowed before a response").write(w)
		return
	}
	loop := make(chan *run, 1)
	s.runtimeSeen = true
	s.noteRuntimeNext()
	s.loops = append(s.loops, loop)
	s.advance()
	s.feed()
	s.mu.Unlock()
	select {
	case inv := <-loop:
		s.writeInvocation(w, inv)
	case <-r.Context().Done():
		s.dropLoop(loop)
	case <-s.gone:
		hangUp()
	}
}

// noteRuntimeNext records that the runtime has finished the current invocation, if it had one. The caller holds mu.
func (s *sandbox) noteRuntimeNext() {
	c := s.current
	if c == nil || !c.settled {
		s.add(eventlog.Event{Kind: KindRuntimeNext})
		return
	}
	c.runtimeDone = true
	s.add(eventlog.Event{Kind: KindRuntimeNext, RequestID: c.RequestID})
	if s.config.Order == OrderInvokeLast {
		s.releaseInvoke(c)
	}
}

func (s *sandbox) dropLoop(loop chan *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, waiting := range s.loops {
		if waiting == loop {
			s.loops = append(s.loops[:i], s.loops[i+1:]...)
			return
		}
	}
}

func (s *sandbox) writeInvocation(w http.ResponseWriter, inv *run) {
	h := w.Header()
	h.Set(headerRequestID, inv.RequestID)
	h.Set(headerDeadline, strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	h.Set(headerInvokedARN, s.config.arn())
	for name, value := range map[string]string{
		headerTraceID: inv.TraceHeader, headerClientContext: inv.ClientContext,
		headerCognitoIdentity: inv.CognitoIdentity, headerTenantID: inv.TenantID,
	} {
		if value != "" {
			h.Set(name, value)
		}
	}
	writeBody(w, http.StatusOK, inv.Payload)
}

// begin finds the invocation that the runtime posts for, and reserves it for this post.
func (s *sandbox) begin(r *http.Request, kind eventlog.Kind) (*run, *apiError) {
	id := r.PathValue("id")
	s.mu.Lock()
	defer s.mu.Unlock()
	inv := s.runs[id]
	var refusal *apiError
	switch {
	case inv == nil:
		refusal = s.unknown(id)
	case !inv.released || inv.settled || inv.responding:
		refusal = forbidden("InvalidStateTransition", "A response is not allowed in this state")
	}
	if refusal != nil {
		s.refuse(id, refusal)
		return nil, refusal
	}
	inv.responding = true
	if kind != "" {
		s.add(eventlog.Event{Kind: kind, RequestID: id})
	}
	return inv, nil
}

// unknown is the refusal of a post for an invocation that is not under way. On Managed Instances, where the process
// outlives an invocation's deadline, a late post gets 410. The caller holds mu.
func (s *sandbox) unknown(id string) *apiError {
	if _, late := s.expired[id]; late && s.config.ManagedInstances {
		return &apiError{http.StatusGone, errorBody{Type: "InvokeTimeout", Message: "Invocation has timed out"}}
	}
	return &apiError{http.StatusBadRequest, errorBody{Type: "InvalidRequestID", Message: "Invalid request ID"}}
}

// refuse logs the refusal of a response or error. The caller holds mu.
func (s *sandbox) refuse(id string, why *apiError) {
	s.add(eventlog.Event{Kind: KindResponseRefused, RequestID: id, Count: why.status, Detail: why.body.Type})
}

// response serves POST /runtime/invocation/{id}/response.
func (s *sandbox) response(w http.ResponseWriter, r *http.Request) {
	inv, refusal := s.begin(r, KindResponseBegun)
	if refusal != nil {
		refusal.write(w)
		return
	}
	begun := time.Now()
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(s.config.MaxResponse)+1))
	s.mu.Lock()
	refusal = s.accept(inv, body, err, func() {
		s.add(eventlog.Event{Kind: KindResponsePosted, RequestID: inv.RequestID, Count: len(body), Duration: time.Since(begun)})
		s.settle(inv, responseOf(r, body))
	})
	s.mu.Unlock()
	if refusal != nil {
		refusal.write(w)
		return
	}
	writeAccepted(w)
}

// accept calls post if the body, read with err, is acceptable. It refuses a body that broke off, one that is too large, and
// one whose deadline passed meanwhile. The caller holds mu.
func (s *sandbox) accept(inv *run, body []byte, err error, post func()) *apiError {
	inv.responding = false
	var refusal *apiError
	switch {
	case s.runs[inv.RequestID] != inv:
		refusal = s.unknown(inv.RequestID)
	case err != nil:
		refusal = &apiError{http.StatusBadRequest, errorBody{Type: "TruncatedHTTPRequest", Message: "HTTP request detected as truncated"}}
	case len(body) > s.config.MaxResponse:
		refusal = &apiError{http.StatusRequestEntityTooLarge, errorBody{
			Type: "RequestEntityTooLarge", Message: fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", s.config.MaxResponse),
		}}
		s.refuse(inv.RequestID, refusal)
		s.settle(inv, failure(errorBody{
			Type:    "Function.ResponseSizeTooLarge",
			Message: fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", s.config.MaxResponse),
		}))
		return refusal
	default:
		post()
		return nil
	}
	s.refuse(inv.RequestID, refusal)
	return refusal
}

// responseOf is the Response for a posted response: the body, or the error in trailers if the function's reader failed.
func responseOf(r *http.Request, body []byte) Response {
	errorType := r.Trailer.Get(headerErrorType)
	if errorType == "" {
		return Response{Payload: body, ContentType: r.Header.Get("Content-Type")}
	}
	payload, err := base64.StdEncoding.DecodeString(r.Trailer.Get(headerErrorBody))
	if err != nil {
		payload = nil // there is only the type
	}
	return errorResponse(errorType, payload)
}

// errorResponse is the Response for an error that the runtime posted.
func errorResponse(errorType string, payload []byte) Response {
	var body errorBody
	_ = json.Unmarshal(payload, &body) // an undecodable body is passed on unchanged
	if body.Type == "" {
		body.Type = errorType
	}
	return Response{
		Payload: payload, ContentType: "application/json",
		FunctionError: "Unhandled", ErrorType: body.Type, ErrorMessage: body.Message,
	}
}

// invocationError serves POST /runtime/invocation/{id}/error.
func (s *sandbox) invocationError(w http.ResponseWriter, r *http.Request) {
	inv, refusal := s.begin(r, "")
	if refusal != nil {
		refusal.write(w)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(s.config.MaxResponse)+1))
	s.mu.Lock()
	refusal = s.accept(inv, body, err, func() {
		resp := errorResponse(r.Header.Get(headerErrorType), body)
		s.add(eventlog.Event{Kind: KindErrorPosted, RequestID: inv.RequestID, Detail: resp.ErrorType, Count: len(body)})
		s.settle(inv, resp)
	})
	s.mu.Unlock()
	if refusal != nil {
		refusal.write(w)
		return
	}
	writeAccepted(w)
}

// initError serves POST /runtime/init/error: the runtime fails before its first next.
func (s *sandbox) initError(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(s.config.MaxResponse)))
	if err != nil {
		return // the connection broke
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runtimeSeen {
		forbidden("InvalidStateTransition", "Transition to InitError is not allowed after the first next").write(w)
		return
	}
	resp := errorResponse(r.Header.Get(headerErrorType), body)
	s.add(eventlog.Event{Kind: KindInitError, Detail: resp.ErrorType})
	s.condemn(errorBody{Type: resp.ErrorType, Message: resp.ErrorMessage})
	writeAccepted(w)
}
