package agent

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/epilogue-go/epilogue/internal/extensionsapi"
)

// onManagedInstances is the value of AWS_LAMBDA_INITIALIZATION_TYPE on Lambda Managed Instances (AWS Lambda Developer
// Guide, Lambda Managed Instances).
const onManagedInstances = "lambda-managed-instances"

// silentAfter is how long the agent waits for the platform before it logs that.
const silentAfter = time.Second

// register registers the extension, for INVOKE if possible, and returns the resulting mode. The identifier is empty if
// the registration failed.
func (a *Agent) register() (m mode, identifier string) {
	silent := time.AfterFunc(silentAfter, func() {
		a.log.Log(slog.LevelWarn, "agent: the registration is not answered; the function starts when it is",
			slog.String("call", a.client.RegisterCall()),
			slog.String("remedy", "check that AWS_LAMBDA_RUNTIME_API is the address of a Runtime API with the Extensions API; unset it outside Lambda"))
	})
	defer silent.Stop()
	switch {
	case a.process.Getenv("AWS_LAMBDA_INITIALIZATION_TYPE") == onManagedInstances:
		return a.registerFor(managedInstances)
	case a.settings.ShutdownOnly:
		return a.registerFor(shutdownOnly)
	default:
		return a.registerFor(extension)
	}
}

// registerFor registers for the events that the mode needs: INVOKE for extension, none for the others. A registration
// for no event already brings SIGTERM and the shutdown window.
func (a *Agent) registerFor(want mode) (m mode, identifier string) {
	identifier, err := a.client.Register(a.life, a.settings.ExtensionName, want == extension)
	switch {
	case err == nil:
		return want, identifier
	case want == extension && refusesEvents(err):
		return a.registerFor(shutdownOnly)
	}
	m = want.withoutRegistration()
	if a.life.Err() == nil {
		a.log.Log(slog.LevelWarn, "agent: not registered, so SIGTERM may not come", slog.String("mode", m.String()),
			slog.String("extension", a.settings.ExtensionName), slog.Any("error", err))
	}
	return m, ""
}

// refusesEvents reports whether the platform refuses the events rather than the extension. It does not remember a
// refused registration, so another one can follow.
func refusesEvents(err error) bool {
	var refusal *extensionsapi.Error
	return errors.As(err, &refusal) && refusal.Status == http.StatusForbidden &&
		refusal.Type == extensionsapi.InvalidEventType
}
