package extensionsapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// invoke is the type of the only event that there is: SHUTDOWN exists for external extensions only.
const invoke = "INVOKE"

// Event is an INVOKE event: the runtime has been given an invocation, or is about to be.
type Event struct {
	RequestID string    // never empty
	Deadline  time.Time // of the invocation; zero if the event has none
}

// wireEvent has the fields of an event that are used.
type wireEvent struct {
	EventType  string `json:"eventType"`
	RequestID  string `json:"requestId"`
	DeadlineMs int64  `json:"deadlineMs"` // since the Unix epoch
}

// parseEvent reads the body of a reply to Next. Anything but an INVOKE with a request id is an error, since the client
// subscribes to nothing else.
func parseEvent(body []byte) (Event, error) {
	var e wireEvent
	if err := json.Unmarshal(body, &e); err != nil {
		return Event{}, errors.New("decode event: " + excerpt(err.Error()))
	}
	if e.EventType != invoke {
		return Event{}, fmt.Errorf("unknown event type %q", excerpt(e.EventType))
	}
	if e.RequestID == "" {
		return Event{}, errors.New("INVOKE without requestId")
	}
	event := Event{RequestID: e.RequestID}
	if e.DeadlineMs > 0 {
		event.Deadline = time.UnixMilli(e.DeadlineMs)
	}
	return event, nil
}
