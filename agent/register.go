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

// register registers the extension and returns the resulting mode. It registers for INVOKE if possible, and otherwise for
// no event, which already brings SIGTERM and the shutdown window. The identifier is empty if the registration failed.
func (a *Agent) register() (m mode, identifier string) {
	silent := time.AfterFunc(silentAfter, func() {
		a.log.Log(slog.LevelWarn, "agent: the registration is not answered; the function starts when it is",
			slog.String("call", a.client.RegisterCall()),
			slog.String("remedy", "check that AWS_LAMBDA_RUNTIME_API is the address of a Runtime API with the Extensions API; unset it outside Lambda"))
	})
	defer silent.Stop()
	m = extension
	switch {
	case a.process.Getenv("AWS_LAMBDA_INITIALIZATION_TYPE") == onManagedInstances:
		m = managedInstances
	case a.settings.ShutdownOnly:
		m = shutdownOnly
	}
	identifier, err := a.client.Register(a.life, a.settings.ExtensionName, m == extension)
	if m == extension && refusesEvents(err) {
		m = shutdownOnly
		identifier, err = a.client.Register(a.life, a.settings.ExtensionName, false)
	}
	if err == nil {
		return m, identifier
	}
	m = m.withoutRegistration()
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
