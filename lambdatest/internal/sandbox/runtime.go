package sandbox

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// AwaitInvocation records the runtime's call of next. It returns the channel of the invocation, which gets at most one, or
// the refusal.
func (s *Sandbox) AwaitInvocation() (loop chan *Run, refusal *Refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.current; c != nil && c.released && !c.settled {
		return nil, Forbidden("InvalidStateTransition", "Transition from Running to Ready is not allowed before a response")
	}
	loop = make(chan *Run, 1)
	s.runtimeSeen = true
	s.noteRuntimeNext()
	s.loops = append(s.loops, loop)
	s.advance()
	s.feed()
	return loop, nil
}

// noteRuntimeNext records that the runtime has finished the current invocation, if it had one. The caller holds mu.
func (s *Sandbox) noteRuntimeNext() {
	c := s.current
	if c == nil || !c.settled {
		s.log.Add(eventlog.Event{Kind: RuntimeNext})
		return
	}
	c.runtimeDone = true
	s.log.Add(eventlog.Event{Kind: RuntimeNext, RequestID: c.RequestID})
	if s.config.Order == OrderInvokeLast {
		s.releaseInvoke(c)
	}
}

// DropLoop records that the call of next that waits for an invocation broke off.
func (s *Sandbox) DropLoop(loop chan *Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loops = slices.DeleteFunc(s.loops, func(waiting chan *Run) bool { return waiting == loop })
}

// BeginPost returns the invocation that the runtime posts a response or an error for, and reserves it for this post.
func (s *Sandbox) BeginPost(id string, isResponse bool) (*Run, *Refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.runs[id]
	var why *Refusal
	switch {
	case r == nil:
		why = s.unknown(id)
	case !r.released || r.settled || r.responding:
		why = Forbidden("InvalidStateTransition", "A response is not allowed in this state")
	}
	if why != nil {
		return nil, s.refuse(id, why)
	}
	r.responding = true
	if isResponse {
		s.log.Add(eventlog.Event{Kind: ResponseBegun, RequestID: id})
	}
	return r, nil
}

// EndPost ends a post that BeginPost has begun. posted is its event, with the bytes of the body as Count; err is the error
// of the body's reader. It refuses a body that broke off, one that is too large, and one whose deadline passed meanwhile.
// Otherwise res is the caller's answer.
func (s *Sandbox) EndPost(r *Run, posted eventlog.Event, res Result, err error) *Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.responding = false
	switch limit := s.config.MaxResponse; {
	case s.runs[r.RequestID] != r:
		return s.refuse(r.RequestID, s.unknown(r.RequestID))
	case err != nil:
		return s.refuse(r.RequestID, refusal(http.StatusBadRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated"))
	case posted.Count > limit:
		why := refusal(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", limit))
		s.refuse(r.RequestID, why)
		s.settle(r, Failure("Function.ResponseSizeTooLarge",
			fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", limit)))
		return why
	}
	posted.RequestID = r.RequestID
	s.log.Add(posted)
	s.settle(r, res)
	return nil
}

// unknown is the refusal of a post for an invocation that is not under way. On Managed Instances, where the process
// outlives an invocation's deadline, a late post gets 410. The caller holds mu.
func (s *Sandbox) unknown(id string) *Refusal {
	if _, late := s.expired[id]; late && s.config.ManagedInstances {
		return refusal(http.StatusGone, "InvokeTimeout", "Invocation has timed out")
	}
	return refusal(http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
}

// refuse logs the refusal of a response or error, and returns it. The caller holds mu.
func (s *Sandbox) refuse(id string, why *Refusal) *Refusal {
	s.log.Add(eventlog.Event{Kind: ResponseRefused, RequestID: id, Count: why.Status, Detail: why.Type})
	return why
}

// RuntimeInitError records that the runtime fails before its first next, and condemns the sandbox.
func (s *Sandbox) RuntimeInitError(res Result) *Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runtimeSeen {
		return Forbidden("InvalidStateTransition", "Transition to InitError is not allowed after the first next")
	}
	s.log.Add(eventlog.Event{Kind: InitError, Detail: res.ErrorType})
	s.condemn(ErrorBody{Type: res.ErrorType, Message: res.ErrorMessage})
	return nil
}

// FailInit answers r's caller because Init failed.
func (s *Sandbox) FailInit(r *Run, res Result) {
	s.log.Add(eventlog.Event{Kind: InitFailed, RequestID: r.RequestID, Detail: res.ErrorType})
	r.reply(s.log, res)
}
