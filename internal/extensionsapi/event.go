package extensionsapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// EventType is the kind of an event. There is one: SHUTDOWN exists for external extensions only.
type EventType string

// Invoke announces that the runtime has been, or is about to be, given an invocation.
const Invoke EventType = "INVOKE"

// Event is what Next brings.
type Event struct {
	Type               EventType
	RequestID          string    // never empty
	Deadline           time.Time // when the invocation's time is up; zero where the platform does not say
	InvokedFunctionARN string
	TraceHeader        string // X-Ray trace header; empty where there is none
}

// wireEvent is an event as the API sends it.
type wireEvent struct {
	EventType          string `json:"eventType"`
	RequestID          string `json:"requestId"`
	DeadlineMs         int64  `json:"deadlineMs"` // since the Unix epoch
	InvokedFunctionARN string `json:"invokedFunctionArn"`
	Tracing            struct {
		Value string `json:"value"`
	} `json:"tracing"`
}

// parseEvent reads the body of a reply to Next. What is not an INVOKE with a request id is an error, since nothing else
// is ever subscribed to.
func parseEvent(body []byte) (Event, error) {
	var e wireEvent
	if err := json.Unmarshal(body, &e); err != nil {
		return Event{}, fmt.Errorf("decode event: %w", brief(err))
	}
	if EventType(e.EventType) != Invoke {
		return Event{}, fmt.Errorf("unknown event type %q", excerpt(e.EventType))
	}
	if e.RequestID == "" {
		return Event{}, errors.New("INVOKE without requestId")
	}
	event := Event{
		Type:               Invoke,
		RequestID:          e.RequestID,
		InvokedFunctionARN: e.InvokedFunctionARN,
		TraceHeader:        e.Tracing.Value,
	}
	if e.DeadlineMs > 0 {
		event.Deadline = time.UnixMilli(e.DeadlineMs)
	}
	return event, nil
}
