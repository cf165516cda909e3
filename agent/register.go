package agent

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/epilogue-go/epilogue/internal/extensionsapi"
)

// managedInstances is the value of AWS_LAMBDA_INITIALIZATION_TYPE on Lambda Managed Instances (AWS Lambda Developer
// Guide, Lambda Managed Instances).
const managedInstances = "lambda-managed-instances"

// register registers the extension, for INVOKE where it can be had, and returns the state that this leads to. The
// identifier is empty where there is none: then next is never asked for.
func (a *Agent) register() (s state, identifier string) {
	switch {
	case a.process.Getenv("AWS_LAMBDA_INITIALIZATION_TYPE") == managedInstances:
		return a.registerFor(managed)
	case a.settings.signalOnly:
		return a.registerFor(signalOnly)
	default:
		return a.registerFor(classic)
	}
}

// registerFor registers for the events that the state want needs: INVOKE for classic, none for the others, which
// already buys SIGTERM and the shutdown window.
func (a *Agent) registerFor(want state) (s state, identifier string) {
	identifier, err := a.client.Register(a.life, a.settings.extensionName, want == classic)
	switch {
	case err == nil:
		return want, identifier
	case want == classic && refusesEvents(err):
		return a.registerFor(signalOnly)
	case a.life.Err() == nil:
		a.log.say(warn, "agent: not registered, so invocations flush by themselves and SIGTERM may not come",
			slog.String("extension", a.settings.extensionName), slog.Any("error", err))
	}
	return detached, ""
}

// refusesEvents reports whether the platform refuses the events rather than the extension. It remembers nothing of a
// refused registration, so another can follow.
func refusesEvents(err error) bool {
	var refusal *extensionsapi.Error
	return errors.As(err, &refusal) && refusal.Status == http.StatusForbidden &&
		refusal.Type == extensionsapi.InvalidEventType
}
