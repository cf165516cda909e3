package extensionsapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// InvalidEventType is the type of the refusal of an event that this kind of extension may not subscribe to. On Lambda
// Managed Instances that is any event.
const InvalidEventType = "Extension.InvalidEventType"

// Error is a refusal by the Extensions API: a reply with another status than 200.
type Error struct {
	Op      string // "register" or "next"
	Status  int    // HTTP status code
	Type    string // errorType of the reply; empty if it has none
	Message string // errorMessage of the reply, or the beginning of a reply that is not the API's
}

// Error names the operation, the status, and the reason if the reply has one.
func (e *Error) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("extensions api: %s: %d %s", e.Op, e.Status, http.StatusText(e.Status)))
	if e.Type != "" {
		text += ": " + e.Type
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// excerptLength bounds the part of a reply that an Error repeats.
const excerptLength = 200

// refusal makes an Error of a reply with another status than 200.
func refusal(op string, status int, body []byte) *Error {
	var reply struct {
		ErrorMessage string `json:"errorMessage"`
		ErrorType    string `json:"errorType"`
	}
	e := &Error{Op: op, Status: status}
	if json.Unmarshal(body, &reply) == nil {
		e.Type, e.Message = excerpt(reply.ErrorType), excerpt(reply.ErrorMessage)
	} else {
		e.Message = excerpt(string(body))
	}
	return e
}

// excerpt returns the beginning of s, fit for one line of a log. The errors of net/http and encoding/json repeat parts of
// a reply of any length.
func excerpt(s string) string {
	if len(s) > excerptLength {
		s = s[:excerptLength] + "…"
	}
	return strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
}
