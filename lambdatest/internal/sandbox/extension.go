package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// HeaderExtensionID is the header that identifies an extension. Refusals name it.
const HeaderExtensionID = "Lambda-Extension-Identifier"

// extension is one registered extension. Guarded by Sandbox.mu.
type extension struct {
	id, name    string
	wantsInvoke bool
	external    bool
	hold        time.Duration // external: from INVOKE to next
	holding     *time.Timer   // external: runs from INVOKE to next

	ready     bool        // has asked for the next event and not been given one
	broken    bool        // its last next failed: it gets no event and holds no phase until one succeeds
	requestID string      // of its last INVOKE
	waiter    chan []byte // its waiting call of next, of capacity 1; nil: none
	pending   []byte      // an event without a waiting call
}

// give delivers an event to the waiting call of next, or to the next one.
func (x *extension) give(event []byte) {
	if x.waiter == nil {
		x.pending = event
		return
	}
	x.waiter <- event
	x.waiter = nil
}

// Register registers an internal extension for events and returns its identifier, or the refusal.
func (s *Sandbox) Register(name string, events []string) (id string, refusal *Refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if refusal := s.checkRegistration(name, events); refusal != nil {
		s.NoteRefusal(name, refusal)
		return "", refusal
	}
	x := &extension{id: newUUID(), name: name, wantsInvoke: slices.Contains(events, "INVOKE")}
	s.extensions = append(s.extensions, x)
	s.log.Add(eventlog.Event{Kind: ExtensionRegistered, Who: name, Detail: strings.Join(events, ",")})
	return x.id, nil
}

// NoteRefusal records that a registration was refused.
func (s *Sandbox) NoteRefusal(name string, why *Refusal) {
	s.log.Add(eventlog.Event{Kind: ExtensionRefused, Who: name, Count: why.Status, Detail: why.Type})
}

// checkRegistration checks in the order of the service's emulator. An internal extension gets no SHUTDOWN event; on Managed
// Instances it gets none at all. The caller holds mu.
func (s *Sandbox) checkRegistration(name string, events []string) *Refusal {
	for _, event := range events {
		switch {
		case s.config.ManagedInstances:
			return Forbidden("Extension.InvalidEventType", event+": No events allowed for internal extensions")
		case event == "SHUTDOWN":
			return Forbidden("Extension.InvalidEventType", event+": ShutdownEventNotSupportedForInternalExtension")
		case event != "INVOKE":
			return Forbidden("Extension.InvalidEventType", event+": InvalidEventType")
		}
	}
	switch {
	case s.runtimeSeen:
		return Forbidden("Extension.RegistrationClosed", "Extension registration closed already")
	case slices.ContainsFunc(s.extensions, func(x *extension) bool { return x.name == name }):
		return Forbidden("Extension.InvalidExtensionState", "Extension with this name already registered")
	case len(s.extensions) >= MaxExtensions:
		return Forbidden("Extension.TooManyExtensions", fmt.Sprintf("Extension limit (%d) reached", MaxExtensions))
	}
	return nil
}

// identify returns the extension with that identifier, or the refusal. The caller holds mu.
func (s *Sandbox) identify(id string) (*extension, *Refusal) {
	if id == "" {
		return nil, Forbidden("Extension.MissingExtensionIdentifier", "Missing "+HeaderExtensionID+" header")
	}
	for _, x := range s.extensions {
		if x.id == id {
			return x, nil
		}
	}
	return nil, Forbidden("Extension.UnknownExtensionIdentifier", "Unknown "+HeaderExtensionID)
}

// AwaitEvent records an extension's call of next. It returns the channel of the event, which gets at most one, or the
// refusal. If fault returns a Refusal, that is the answer, and the extension is broken until a call succeeds.
func (s *Sandbox) AwaitEvent(id string, fault func() *Refusal) (event chan []byte, refusal *Refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, refusal := s.identify(id)
	if refusal != nil {
		s.log.Add(eventlog.Event{Kind: ExtensionNextBroken, Count: refusal.Status, Detail: refusal.Type})
		return nil, refusal
	}
	if refusal = fault(); refusal != nil {
		s.log.Add(eventlog.Event{Kind: ExtensionNextBroken, Who: x.name, Count: refusal.Status, Detail: refusal.Type})
		x.broken, x.waiter, x.pending = true, nil, nil
		s.advance()
		return nil, refusal
	}
	event = make(chan []byte, 1)
	s.log.Add(eventlog.Event{Kind: ExtensionNext, RequestID: x.requestID, Who: x.name})
	x.broken, x.waiter = false, event
	if x.pending != nil {
		x.give(x.pending)
		x.pending = nil
		return event, nil
	}
	x.ready = true
	s.advance()
	return event, nil
}

// DropEvent records that the call of next that waits for event broke off.
func (s *Sandbox) DropEvent(event chan []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.extensions {
		if x.waiter == event {
			x.waiter = nil
		}
	}
}

// ExtensionError records that an extension reports an error, of kind InitError or ExitError, and condemns the sandbox.
func (s *Sandbox) ExtensionError(kind eventlog.Kind, id, errorType string) *Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, refusal := s.identify(id)
	switch {
	case refusal != nil:
		return refusal
	case errorType == "":
		return Forbidden("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
	}
	s.log.Add(eventlog.Event{Kind: kind, Who: x.name, Detail: errorType})
	s.condemn(ErrorBody{Type: errorType, Message: "Error: extension " + x.name + " gave up"})
	return nil
}
