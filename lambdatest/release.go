package lambdatest

import (
	"encoding/json"
	"math/rand/v2"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// admit adds r to the invocations under way. It reports false if another one has its request ID.
func (s *sandbox) admit(r *run) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs[r.RequestID] != nil {
		return false
	}
	s.runs[r.RequestID] = r
	delete(s.expired, r.RequestID)
	return true
}

// dispatch begins r's phase and releases the first half by Config.Order. random decides OrderRandom. It reports whether the
// other half follows after the gap.
func (s *sandbox) dispatch(r *run, random *rand.Rand) (afterGap bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.began = time.Now()
	r.deadline = r.began.Add(s.config.Timeout)
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

// releaseRest releases the half that waited for the gap.
func (s *sandbox) releaseRest(r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs[r.RequestID] == r {
		s.releaseInvocation(r)
		s.releaseInvoke(r)
		s.advance()
	}
}

// invokeWanted reports whether an extension takes INVOKE. The caller holds mu.
func (s *sandbox) invokeWanted() bool {
	for _, x := range s.extensions {
		if x.wantsInvoke && !x.broken {
			return true
		}
	}
	return false
}

// releaseInvocation gives r to a waiting loop of the runtime, or to the next one. The caller holds mu.
func (s *sandbox) releaseInvocation(r *run) {
	if r.released {
		return
	}
	r.released = true
	s.add(eventlog.Event{Kind: KindInvocationReleased, RequestID: r.RequestID})
	s.queue = append(s.queue, r)
	s.feed()
}

// feed matches queued invocations with waiting loops. The caller holds mu.
func (s *sandbox) feed() {
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
func (s *sandbox) releaseInvoke(r *run) {
	if r.invokeReleased {
		return
	}
	r.invokeReleased = true
	event := invokeEvent{
		EventType: "INVOKE", DeadlineMs: r.deadline.UnixMilli(), RequestID: r.RequestID, InvokedFunctionArn: s.config.arn(),
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
	s.add(eventlog.Event{Kind: KindInvokeReleased, RequestID: r.RequestID, Count: len(takers)})
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
func (s *sandbox) callNext(x *extension) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.ready = true
	s.add(eventlog.Event{Kind: KindExtensionNext, RequestID: x.requestID, Who: x.name})
	s.advance()
}

// stopHolds ends external extensions with their environment. The caller holds mu.
func (s *sandbox) stopHolds() {
	for _, x := range s.extensions {
		if x.holding != nil {
			x.holding.Stop()
		}
	}
}

// settle records that the runtime cannot post for r any more, answers its caller, and releases INVOKE if Order says so. The
// caller holds mu.
func (s *sandbox) settle(r *run, resp Response) {
	r.settled = true
	r.reply(s.log, resp)
	if s.config.ManagedInstances {
		s.finish(r)
		return
	}
	if s.config.Order == OrderInvokeLate {
		s.releaseInvoke(r)
	}
}

// expire ends r because its deadline has passed. It reports false if r was done by then.
func (s *sandbox) expire(r *run) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs[r.RequestID] != r {
		return false
	}
	s.add(eventlog.Event{Kind: KindTimeout, RequestID: r.RequestID, Duration: s.config.Timeout})
	r.reply(s.log, r.timeout(s.config.Timeout))
	s.forget(r)
	s.expired[r.RequestID] = struct{}{}
	return true
}

// abandon ends r because its process has ended, or will.
func (s *sandbox) abandon(r *run, resp Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.reply(s.log, resp)
	s.forget(r)
}
