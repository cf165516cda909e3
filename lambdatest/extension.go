package lambdatest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// Header names of the Extensions API.
const (
	headerExtensionName    = "Lambda-Extension-Name"
	headerExtensionID      = "Lambda-Extension-Identifier"
	headerExtensionFeature = "Lambda-Extension-Accept-Feature"
	headerExtensionError   = "Lambda-Extension-Function-Error-Type"
)

// maxRegistration is the largest body of a registration, in bytes.
const maxRegistration = 64 << 10

// extension is one registered extension. Guarded by sandbox.mu.
type extension struct {
	id, name    string
	wantsInvoke bool
	external    bool
	hold        time.Duration // external: from INVOKE to next
	holding     *time.Timer   // external: runs from INVOKE to next

	ready     bool        // has asked for the next event and not been given one
	broken    bool        // its last next failed: gets nothing and holds nothing until one succeeds
	requestID string      // of the last INVOKE it was given
	waiter    chan []byte // its call of next that waits, of capacity 1; nil: none
	pending   []byte      // an event that found no call waiting
}

// give delivers an event to the call that waits, or to the next that comes.
func (x *extension) give(event []byte) {
	if x.waiter == nil {
		x.pending = event
		return
	}
	x.waiter <- event
	x.waiter = nil
}

// register serves POST /extension/register.
func (s *sandbox) register(w http.ResponseWriter, r *http.Request) {
	name := r.Header.Get(headerExtensionName)
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRegistration))
	if err != nil {
		return // the connection broke
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fault, faulty := s.registerFault.take()
	if faulty && !fault.remembers() {
		s.refuseRegistration(name, fault.refusal())
		s.writeFault(w, r, fault)
		return
	}
	events, refusal := s.checkRegistration(name, body)
	if refusal != nil {
		s.refuseRegistration(name, refusal)
		refusal.write(w)
		return
	}
	x := &extension{id: newUUID(), name: name, wantsInvoke: slices.Contains(events, "INVOKE")}
	s.extensions = append(s.extensions, x)
	s.add(eventlog.Event{Kind: KindExtensionRegistered, Who: name, Detail: strings.Join(events, ",")})
	w.Header().Set(headerExtensionID, x.id)
	if faulty {
		fault.write(w)
		return
	}
	s.writeFunction(w, r)
}

// writeFunction answers a registration with who the function is.
func (s *sandbox) writeFunction(w http.ResponseWriter, r *http.Request) {
	answer := map[string]string{
		"functionName": s.config.FunctionName, "functionVersion": s.config.FunctionVersion, "handler": s.config.Handler,
	}
	if strings.Contains(r.Header.Get(headerExtensionFeature), "accountId") {
		answer["accountId"] = s.config.AccountID
	}
	writeJSON(w, http.StatusOK, answer)
}

// writeFault answers a registration with fault.
func (s *sandbox) writeFault(w http.ResponseWriter, r *http.Request, fault Fault) {
	if fault.onlyOmits() {
		s.writeFunction(w, r)
		return
	}
	fault.write(w)
}

func (s *sandbox) refuseRegistration(name string, why *apiError) {
	s.add(eventlog.Event{Kind: KindExtensionRefused, Who: name, Count: why.status, Detail: why.body.Type})
}

// checkRegistration returns the events asked for, or the refusal: the causes in the order in which the service's
// emulator looks for them. An internal extension gets no SHUTDOWN event; on Managed Instances it gets none at all.
// The caller holds mu.
func (s *sandbox) checkRegistration(name string, body []byte) ([]string, *apiError) {
	if name == "" {
		return nil, forbidden("Extension.InvalidExtensionName", "Empty extension name")
	}
	var request struct {
		Events []string `json:"events"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, forbidden("InvalidRequestFormat", err.Error())
	}
	for _, event := range request.Events {
		switch {
		case s.config.ManagedInstances:
			return nil, forbidden("Extension.InvalidEventType", event+": No events allowed for internal extensions")
		case event == "SHUTDOWN":
			return nil, forbidden("Extension.InvalidEventType", event+": ShutdownEventNotSupportedForInternalExtension")
		case event != "INVOKE":
			return nil, forbidden("Extension.InvalidEventType", event+": InvalidEventType")
		}
	}
	switch {
	case s.runtimeSeen:
		return nil, forbidden("Extension.RegistrationClosed", "Extension registration closed already")
	case slices.ContainsFunc(s.extensions, func(x *extension) bool { return x.name == name }):
		return nil, forbidden("Extension.InvalidExtensionState", "Extension with this name already registered")
	case len(s.extensions) >= maxExtensions:
		return nil, forbidden("Extension.TooManyExtensions", fmt.Sprintf("Extension limit (%d) reached", maxExtensions))
	}
	return request.Events, nil
}

// identify returns the extension that calls, or the refusal. The caller holds mu.
func (s *sandbox) identify(r *http.Request) (*extension, *apiError) {
	id := r.Header.Get(headerExtensionID)
	if id == "" {
		return nil, forbidden("Extension.MissingExtensionIdentifier", "Missing "+headerExtensionID+" header")
	}
	for _, x := range s.extensions {
		if x.id == id {
			return x, nil
		}
	}
	return nil, forbidden("Extension.UnknownExtensionIdentifier", "Unknown "+headerExtensionID)
}

// extensionNext serves GET /extension/event/next: it blocks until there is an event.
func (s *sandbox) extensionNext(w http.ResponseWriter, r *http.Request) {
	x, event, refuse := s.admitNext(r)
	if refuse != nil {
		refuse(w)
		return
	}
	select {
	case body := <-event:
		writeBody(w, http.StatusOK, body)
	case <-r.Context().Done():
		s.mu.Lock()
		if x.waiter == event {
			x.waiter = nil
		}
		s.mu.Unlock()
	case <-s.gone:
		hangUp()
	}
}

// admitNext returns who calls next and where the event will come, or how the call is refused.
func (s *sandbox) admitNext(r *http.Request) (x *extension, event chan []byte, refuse func(http.ResponseWriter)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, refusal := s.identify(r)
	if refusal != nil {
		s.add(eventlog.Event{Kind: KindExtensionNextBroken, Count: refusal.status, Detail: refusal.body.Type})
		return nil, nil, refusal.write
	}
	if fault, faulty := s.nextFault.take(); faulty {
		refusal = fault.refusal()
		s.add(eventlog.Event{Kind: KindExtensionNextBroken, Who: x.name, Count: refusal.status, Detail: refusal.body.Type})
		x.broken, x.waiter, x.pending = true, nil, nil
		s.advance()
		return nil, nil, fault.write
	}
	return x, s.awaitEvent(x), nil
}

// awaitEvent records x's call of next and returns where its event will come. The caller holds mu.
func (s *sandbox) awaitEvent(x *extension) chan []byte {
	event := make(chan []byte, 1)
	s.add(eventlog.Event{Kind: KindExtensionNext, RequestID: x.requestID, Who: x.name})
	x.broken, x.waiter = false, event
	if x.pending != nil {
		x.give(x.pending)
		x.pending = nil
		return event
	}
	x.ready = true
	s.advance()
	return event
}

// extensionError serves POST /extension/init/error and /extension/exit/error, which condemn the environment.
func (s *sandbox) extensionError(kind eventlog.Kind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		x, refusal := s.identify(r)
		errorType := r.Header.Get(headerExtensionError)
		if refusal == nil && errorType == "" {
			refusal = forbidden("Extension.MissingHeader", headerExtensionError+" not found")
		}
		if refusal != nil {
			refusal.write(w)
			return
		}
		s.add(eventlog.Event{Kind: kind, Who: x.name, Detail: errorType})
		s.condemn(errorBody{Type: errorType, Message: "Error: extension " + x.name + " gave up"})
		writeAccepted(w)
	}
}
