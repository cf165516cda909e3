package lambdatest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// run is an Invocation under way. Its fields below the channels are guarded by sandbox.mu once it is dispatched.
type run struct {
	Invocation

	answer   chan Response // of capacity 1; gets exactly one
	finished chan struct{} // closed when its phase is done

	cold           bool
	answered       bool
	began          time.Time
	deadline       time.Time
	responding     bool // a response is being read
	settled        bool // the runtime has posted, and cannot post again
	runtimeDone    bool // the runtime has asked for the next invocation
	released       bool // to the runtime
	invokeReleased bool // to the extensions, or none takes it
}

func newRun(inv Invocation) *run {
	if inv.RequestID == "" {
		inv.RequestID = newUUID()
	}
	if inv.Payload == nil {
		inv.Payload = []byte("{}")
	}
	return &run{Invocation: inv, answer: make(chan Response, 1), finished: make(chan struct{})}
}

// reply answers the caller, once, and logs it. sandbox.mu is held, or r was never dispatched.
func (r *run) reply(log *eventlog.Log, resp Response) {
	if r.answered {
		return
	}
	r.answered = true
	resp.RequestID, resp.Cold, resp.StatusCode = r.RequestID, r.cold, http.StatusOK
	log.Add(eventlog.Event{Kind: KindCallerAnswered, RequestID: r.RequestID, Detail: resp.ErrorType})
	r.answer <- resp
}

// failure is the Response for an error that the platform reports.
func failure(body errorBody) Response {
	payload, _ := json.Marshal(body) // two strings
	return Response{
		Payload: payload, ContentType: "application/json",
		FunctionError: "Unhandled", ErrorType: body.Type, ErrorMessage: body.Message,
	}
}

// timeout is the Response for a deadline that passed.
func (r *run) timeout(after time.Duration) Response {
	resp := failure(errorBody{
		Type:    "Sandbox.Timedout",
		Message: fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", r.RequestID, after.Seconds()),
	})
	resp.TimedOut = true
	return resp
}

// exited is the Response for a process that ended.
func (r *run) exited(how Exit) Response {
	message := "Runtime exited without providing a reason"
	switch {
	case how.Signal != "":
		message = "Runtime exited with error: signal: " + how.Signal
	case how.Code != 0:
		message = fmt.Sprintf("Runtime exited with error: exit status %d", how.Code)
	}
	return failure(errorBody{Type: "Runtime.ExitError", Message: fmt.Sprintf("RequestId: %s Error: %s", r.RequestID, message)})
}
