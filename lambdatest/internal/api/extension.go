package api

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/internal/sandbox"
)

// Header names of the Extensions API.
const (
	headerExtensionName    = "Lambda-Extension-Name"
	headerExtensionFeature = "Lambda-Extension-Accept-Feature"
	headerExtensionError   = "Lambda-Extension-Function-Error-Type"
)

// maxRegistration is the largest body of a registration, in bytes.
const maxRegistration = 64 << 10

// register serves POST /extension/register.
func (a *API) register(w http.ResponseWriter, r *http.Request) {
	name := r.Header.Get(headerExtensionName)
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRegistration))
	if err != nil {
		return // the connection broke
	}
	faulty := a.registerFault.take()
	if faulty && !a.registerFault.remembers() {
		a.box.NoteRefusal(name, a.registerFault.refusal())
		if a.registerFault.onlyOmits() {
			a.writeFunction(w, r)
			return
		}
		a.registerFault.write(w)
		return
	}
	events, refusal := registration(name, body)
	if refusal != nil {
		a.box.NoteRefusal(name, refusal)
		refuse(w, refusal)
		return
	}
	id, refusal := a.box.Register(name, events)
	if refusal != nil {
		refuse(w, refusal)
		return
	}
	w.Header().Set(sandbox.HeaderExtensionID, id)
	if faulty {
		a.registerFault.write(w)
		return
	}
	a.writeFunction(w, r)
}

// registration returns the events that a registration asks for.
func registration(name string, body []byte) ([]string, *sandbox.Refusal) {
	if name == "" {
		return nil, sandbox.Forbidden("Extension.InvalidExtensionName", "Empty extension name")
	}
	var request struct {
		Events []string `json:"events"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, sandbox.Forbidden("InvalidRequestFormat", err.Error())
	}
	return request.Events, nil
}

// writeFunction answers a registration with the function's name, version and handler.
func (a *API) writeFunction(w http.ResponseWriter, r *http.Request) {
	answer := map[string]string{
		"functionName": a.config.FunctionName, "functionVersion": a.config.FunctionVersion, "handler": a.config.Handler,
	}
	if strings.Contains(r.Header.Get(headerExtensionFeature), "accountId") {
		answer["accountId"] = a.config.AccountID
	}
	writeJSON(w, http.StatusOK, answer)
}

// extensionNext serves GET /extension/event/next: it blocks until there is an event.
func (a *API) extensionNext(w http.ResponseWriter, r *http.Request) {
	faulty := false
	event, refusal := a.box.AwaitEvent(r.Header.Get(sandbox.HeaderExtensionID), func() *sandbox.Refusal {
		if faulty = a.nextFault.take(); faulty {
			return a.nextFault.refusal()
		}
		return nil
	})
	switch {
	case faulty:
		a.nextFault.write(w)
		return
	case refusal != nil:
		refuse(w, refusal)
		return
	}
	select {
	case body := <-event:
		writeBody(w, http.StatusOK, body)
	case <-r.Context().Done():
		a.box.DropEvent(event)
	case <-a.box.Gone():
		hangUp()
	}
}

// extensionError serves POST /extension/init/error and /extension/exit/error.
func (a *API) extensionError(kind eventlog.Kind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		refusal := a.box.ExtensionError(kind, r.Header.Get(sandbox.HeaderExtensionID), r.Header.Get(headerExtensionError))
		writeAccepted(w, refusal)
	}
}
