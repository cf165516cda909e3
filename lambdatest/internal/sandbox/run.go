package sandbox

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// Run is an invocation in a sandbox. The fields above cold are its caller's; those from began on are guarded by Sandbox.mu.
type Run struct {
	RequestID   string
	TraceHeader string            // X-Ray's; empty: none
	Header      map[string]string // further headers for the runtime
	Payload     []byte

	Answer   chan Result   // of capacity 1; gets exactly one
	Finished chan struct{} // closed when its phase is done

	Cold     bool      // it started the process
	Deadline time.Time // set by Dispatch

	began          time.Time
	answered       bool
	responding     bool // a response is being read
	settled        bool // the runtime has posted, and cannot post again
	runtimeDone    bool // the runtime has asked for the next invocation
	released       bool // to the runtime
	invokeReleased bool // to the extensions, or none takes it
}

// NewRun returns a Run of payload. Without a request ID it gets a new one.
func NewRun(requestID string, payload []byte) *Run {
	if requestID == "" {
		requestID = newUUID()
	}
	if payload == nil {
		payload = []byte("{}")
	}
	return &Run{RequestID: requestID, Payload: payload, Answer: make(chan Result, 1), Finished: make(chan struct{})}
}

// Result is the caller's answer.
type Result struct {
	Payload       []byte
	ContentType   string
	FunctionError string // "" or "Unhandled"
	ErrorType     string
	ErrorMessage  string
	TimedOut      bool
}

// reply answers the caller, once, and logs it. Sandbox.mu is held, or r was never dispatched.
func (r *Run) reply(log *eventlog.Log, res Result) {
	if r.answered {
		return
	}
	r.answered = true
	log.Add(eventlog.Event{Kind: CallerAnswered, RequestID: r.RequestID, Detail: res.ErrorType})
	r.Answer <- res
}

// Failure is the Result for an error that the platform reports.
func Failure(errorType, message string) Result {
	payload, _ := json.Marshal(ErrorBody{Type: errorType, Message: message}) // two strings
	return PostedError(errorType, payload)
}

// PostedError is the Result for an error that the runtime posted: the type and the body. The type in the body counts first.
func PostedError(errorType string, payload []byte) Result {
	var body ErrorBody
	_ = json.Unmarshal(payload, &body) // an undecodable body is passed on unchanged
	if body.Type == "" {
		body.Type = errorType
	}
	return Result{
		Payload: payload, ContentType: "application/json",
		FunctionError: "Unhandled", ErrorType: body.Type, ErrorMessage: body.Message,
	}
}

// ErrorBody is the JSON of an error, from a runtime or from the platform.
type ErrorBody struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
}

// TimedOut is the Result for a deadline that passed.
func (r *Run) TimedOut(after time.Duration) Result {
	res := Failure("Sandbox.Timedout", fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", r.RequestID, after.Seconds()))
	res.TimedOut = true
	return res
}

// Exited is the Result for a process that ended.
func (r *Run) Exited(how Exit) Result {
	message := "Runtime exited without providing a reason"
	switch {
	case how.Signal != "":
		message = "Runtime exited with error: signal: " + how.Signal
	case how.Code != 0:
		message = fmt.Sprintf("Runtime exited with error: exit status %d", how.Code)
	}
	return Failure("Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: %s", r.RequestID, message))
}
