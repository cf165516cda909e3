package sandbox

import (
	"encoding/json"
	"math/rand/v2"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// Order is the order of the invocation, to the runtime, and the INVOKE event, to the extensions.
type Order int

// Orders, as package lambdatest documents them.
const (
	OrderRandom Order = iota
	OrderInvokeFirst
	OrderInvocationFirst
	OrderInvokeLate
	OrderInvokeLast
)

// Admit adds r to the invocations under way. It reports false if another one has its request ID.
func (s *Sandbox) Admit(r *Run) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs[r.RequestID] != nil {
		return false
	}
	s.runs[r.RequestID] = r
	delete(s.expired, r.RequestID)
	return true
}

// Dispatch begins r's phase and releases the first half by Config.Order. random decides OrderRandom. It reports whether the
// other half follows after the gap.
func (s *Sandbox) Dispatch(r *Run, random *rand.Rand) (afterGap bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.began = time.Now()
	r.Deadline = r.began.Add(s.config.Timeout)
	if !s.config.ManagedInstances {
		s.current = r
	}
	switch order := s.config.Order; {
	case !s.invokeWanted():
		r.invokeReleased = true
		s.releaseInvocation(r)
	case order == OrderRandom && random.IntN(2) == 0:
		s.releaseInvoke(r)
		s.releaseInvocation(r)
	case order == OrderRandom:
		s.releaseInvocation(r)
		s.releaseInvoke(r)
	case order == OrderInvokeFirst:
		s.releaseInvoke(r)
		return true
	default:
		s.releaseInvocation(r)
		return order == OrderInvocationFirst
	}
	return false
}

// ReleaseRest releases the half that waited for the gap.
func (s *Sandbox) ReleaseRest(r *Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs[r.RequestID] == r {
		s.releaseInvocation(r)
		s.releaseInvoke(r)
		s.advance()
	}
}

// invokeWanted reports whether an extension takes INVOKE. The caller holds mu.
func (s *Sandbox) invokeWanted() bool {
	for _, x := range s.extensions {
		if x.wantsInvoke && !x.broken {
			return true
		}
	}
	return false
}

// releaseInvocation gives r to a waiting loop of the runtime, or to the next one. The caller holds mu.
func (s *Sandbox) releaseInvocation(r *Run) {
	if r.released {
		return
	}
	r.released = true
	s.log.Add(eventlog.Event{Kind: InvocationReleased, RequestID: r.RequestID})
	s.queue = append(s.queue, r)
	s.feed()
}

// feed matches queued invocations with waiting loops. The caller holds mu.
func (s *Sandbox) feed() {
	for len(s.queue) > 0 && len(s.loops) > 0 {
		s.loops[0] <- s.queue[0] // of capacity 1, and used once
		s.loops, s.queue = s.loops[1:], s.queue[1:]
	}
}

// invokeEvent is the INVOKE event of the Extensions API.
type invokeEvent struct {
	EventType          string   `json:"eventType"`
	DeadlineMs         int64    `json:"deadlineMs"`
	RequestID          string   `json:"requestId"`
	InvokedFunctionArn string   `json:"invokedFunctionArn"`
	Tracing            *tracing `json:"tracing,omitempty"` // absent without a trace header
}

type tracing struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// releaseInvoke gives the extensions that want it the INVOKE event of r. The caller holds mu.
func (s *Sandbox) releaseInvoke(r *Run) {
	if r.invokeReleased {
		return
	}
	r.invokeReleased = true
	event := invokeEvent{
		EventType: "INVOKE", DeadlineMs: r.Deadline.UnixMilli(), RequestID: r.RequestID, InvokedFunctionArn: s.config.ARN,
	}
	if r.TraceHeader != "" {
		event.Tracing = &tracing{Type: "X-Amzn-Trace-Id", Value: r.TraceHeader}
	}
	body, _ := json.Marshal(event) // strings and a number
	var takers []*extension
	for _, x := range s.extensions {
		if x.wantsInvoke && !x.broken {
			takers = append(takers, x)
		}
	}
	s.log.Add(eventlog.Event{Kind: InvokeReleased, RequestID: r.RequestID, Count: len(takers)})
	for _, x := range takers {
		x.ready, x.requestID = false, r.RequestID
		if x.external {
			x.holding = time.AfterFunc(x.hold, func() { s.callNext(x) })
			continue
		}
		x.give(body)
	}
}

// callNext is an external extension's call of next.
func (s *Sandbox) callNext(x *extension) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.ready = true
	s.log.Add(eventlog.Event{Kind: ExtensionNext, RequestID: x.requestID, Who: x.name})
	s.advance()
}

// settle records that the runtime cannot post for r any more, answers its caller, and releases INVOKE if Order says so. The
// caller holds mu.
func (s *Sandbox) settle(r *Run, res Result) {
	r.settled = true
	r.reply(s.log, res)
	if s.config.ManagedInstances {
		s.finish(r)
		return
	}
	if s.config.Order == OrderInvokeLate {
		s.releaseInvoke(r)
	}
}

// Expire ends r because its deadline has passed. It reports false if r was done by then.
func (s *Sandbox) Expire(r *Run) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs[r.RequestID] != r {
		return false
	}
	s.log.Add(eventlog.Event{Kind: Timeout, RequestID: r.RequestID, Duration: s.config.Timeout})
	r.reply(s.log, r.TimedOut(s.config.Timeout))
	s.forget(r)
	s.expired[r.RequestID] = struct{}{}
	return true
}

// Abandon ends r because its process has ended, or will.
func (s *Sandbox) Abandon(r *Run, res Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.reply(s.log, res)
	s.forget(r)
}
