package integration

import (
	"net/http"
	"strconv"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
)

// unheld makes calls if nothing holds the environment after a response.
var unheld = invoke(ok, flushedFirst(fails), held(undecodable, 0), streams, panics, tooLarge, ok)

// killedAtTimeout is a timeout for which the platform sends SIGKILL alone. The agent has ended the open spans before.
var killedAtTimeout = early(exits(timesOut, -1))

// tooMany is the refusal of an eleventh extension.
var tooMany = lambdatest.Fault{Status: http.StatusForbidden, ErrorType: "Extension.TooManyExtensions"}

// unregistered is a registration that fails, after which the platform has no extension.
func unregistered(name string, f lambdatest.Fault, logs string) scenario {
	return scenario{
		Name: "registration: " + name, Config: lambdatest.Config{Faults: lambdatest.Faults{Register: f}},
		Env:   []string{wideFlush},
		Logs:  []string{"agent: not registered", logs},
		Steps: steps(unheld, invoke(killedAtTimeout, ok), harness.ShutdownWith(-1)),
	}
}

// nextFails is a next that fails for good.
func nextFails(name string, f lambdatest.Fault) scenario {
	return scenario{
		Name: "next: " + name, Config: lambdatest.Config{Faults: lambdatest.Faults{Next: f}},
		Env:   []string{harness.AwaitedMode + "=extension-failed"},
		Logs:  []string{"agent: next event failed"},
		Steps: steps(unheld, invoke(timesOut, ok), freeze(hour), invoke(ok), shutdown),
	}
}

// registrations are what can go wrong between the agent and the platform.
var registrations = []scenario{
	unregistered("refused with 403", tooMany, "Extension.TooManyExtensions"),
	unregistered("refused with 500", lambdatest.Fault{Status: http.StatusInternalServerError}, "500"),
	unregistered("reply without identifier", lambdatest.Fault{OmitIdentifier: true}, "Lambda-Extension-Identifier"),
	unregistered("connection cut", lambdatest.Fault{Cut: true}, "EOF"),
	{
		Name:   "registration: too many extensions",
		Config: lambdatest.Config{ExternalExtensions: tenExtensions()},
		Env:    []string{wideFlush},
		Logs:   []string{"Extension.TooManyExtensions"},
		// SIGTERM comes for the other extensions, but without files in /opt/extensions the agent cannot know that, and ends
		// the open spans before the deadline.
		Steps: steps(unheld, invoke(early(timesOut), ok), shutdown, marks(map[string][]string{
			endedBefore: {"function", "work"}, "*errors.errorString: no": {"function"}, "string: boom": {"function"},
		})),
	},
	{
		Name: "registration: INVOKE refused", // a new process is refused too, since the faults begin anew
		Config: lambdatest.Config{Faults: lambdatest.Faults{Register: lambdatest.Fault{
			Status: http.StatusForbidden, ErrorType: "Extension.InvalidEventType", Times: 1,
		}}},
		Steps: steps(unheld, invoke(timesOut, ok), shutdown),
	},
	{
		Name:   "registration: reply is not JSON",
		Config: lambdatest.Config{Faults: lambdatest.Faults{Register: lambdatest.Fault{Body: "<html>"}}},
		Steps:  steps(invoke(outcomes...), invoke(ok), shutdown),
	},
	nextFails("refused with 500", lambdatest.Fault{Status: http.StatusInternalServerError}),
	nextFails("connection cut", lambdatest.Fault{Cut: true}),
	nextFails("reply is not JSON", lambdatest.Fault{Body: "{"}),
	{
		Name:   "next: fails once in Init",
		Config: lambdatest.Config{Faults: lambdatest.Faults{Next: lambdatest.Fault{Status: http.StatusBadGateway, Times: 1}}},
		Logs:   []string{"agent: next event failed"},
		Steps:  steps(invoke(ok, ok, ok), shutdown),
	},
	{
		Name: "next: fails once after an invocation",
		Config: lambdatest.Config{Faults: lambdatest.Faults{Next: lambdatest.Fault{
			Status: http.StatusBadGateway, Times: 1, Skip: 1,
		}}},
		Logs:  []string{"agent: next event failed"},
		Steps: steps(invoke(ok), freeze(hour), invoke(ok, ok, fails, ok), shutdown),
	},
}

func tenExtensions() []lambdatest.ExternalExtension {
	all := make([]lambdatest.ExternalExtension, 10)
	for i := range all {
		all[i].Name = "extension-" + strconv.Itoa(i)
	}
	return all
}
