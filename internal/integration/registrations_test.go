package integration

import (
	"net/http"
	"strconv"

	"github.com/epilogue-go/epilogue/lambdatest"
)

// detachedCalls are made where nothing holds the environment.
func detachedCalls() []call {
	return []call{
		succeeds, fails.flushedEarly(), undecodable.held(0), streams, panics, tooLarge, succeeds,
	}
}

// killedAtTimeout is timesOut where the platform has no extension to send SIGTERM for: of the spans there are the guard's
// copies only.
var killedAtTimeout = timesOut.ending(0).unflagged().copying(2).exiting(-1)

// unregistered is a registration that fails in some way, after which the platform has no extension.
func unregistered(name string, fault lambdatest.Fault, says string) scenario {
	return scenario{
		name: "registration: " + name, config: lambdatest.Config{Faults: lambdatest.Faults{Register: fault}},
		env:  []string{wideGuard},
		says: []string{"agent: not registered", says},
		drive: func(r *run) {
			r.send(detachedCalls()...)
			r.send(killedAtTimeout, succeeds)
			r.end(-1)
		},
	}
}

// nextFails is a next that fails in some way for good.
func nextFails(name string, fault lambdatest.Fault) scenario {
	return scenario{
		name: "next: " + name, config: lambdatest.Config{Faults: lambdatest.Faults{Next: fault}},
		env:  []string{awaitedState + "=extension-failed"},
		says: []string{"agent: next event failed"},
		drive: func(r *run) {
			r.send(detachedCalls()...)
			r.send(timesOut, succeeds)
			r.freeze(hour)
			r.send(succeeds)
			r.shutdown()
		},
	}
}

// registrations are what can go wrong between the agent and the platform.
var registrations = []scenario{
	unregistered("refused with 403", lambdatest.Fault{
		Status: http.StatusForbidden, ErrorType: "Extension.TooManyExtensions",
	}, "Extension.TooManyExtensions"),
	unregistered("refused with 500", lambdatest.Fault{Status: http.StatusInternalServerError}, "500"),
	unregistered("reply without identifier", lambdatest.Fault{OmitIdentifier: true}, "Lambda-Extension-Identifier"),
	unregistered("connection cut", lambdatest.Fault{Cut: true}, "EOF"),
	{
		name:   "registration: too many extensions",
		config: lambdatest.Config{ExternalExtensions: tenExtensions()},
		env:    []string{wideGuard},
		says:   []string{"Extension.TooManyExtensions"},
		drive: func(r *run) {
			r.send(detachedCalls()...)
			// SIGTERM comes for the others, if not for ours, so that copies were not needed: files in
			// /opt/extensions would tell, and there are none here.
			r.send(timesOut.copying(2), succeeds)
			r.shutdown()
		},
	},
	{
		name: "registration: INVOKE refused",
		config: lambdatest.Config{Faults: lambdatest.Faults{Register: lambdatest.Fault{
			Status: http.StatusForbidden, ErrorType: "Extension.InvalidEventType", Times: 1,
		}}},
		drive: func(r *run) {
			// A new process is refused too: the platform's faults begin anew.
			r.send(detachedCalls()...)
			r.send(timesOut, succeeds)
			r.shutdown()
		},
	},
	{
		name:   "registration: reply is no JSON",
		config: lambdatest.Config{Faults: lambdatest.Faults{Register: lambdatest.Fault{Body: "<html>"}}},
		drive:  func(r *run) { r.send(outcomes...); r.send(succeeds); r.shutdown() },
	},
	nextFails("refused with 500", lambdatest.Fault{Status: http.StatusInternalServerError}),
	nextFails("connection cut", lambdatest.Fault{Cut: true}),
	nextFails("reply is no JSON", lambdatest.Fault{Body: "{"}),
	{
		name:   "next: fails once in Init",
		config: lambdatest.Config{Faults: lambdatest.Faults{Next: lambdatest.Fault{Status: http.StatusBadGateway, Times: 1}}},
		says:   []string{"agent: next event failed"},
		drive: func(r *run) {
			r.send(succeeds, succeeds, succeeds)
			r.shutdown()
		},
	},
	{
		name: "next: fails once after an invocation",
		config: lambdatest.Config{Faults: lambdatest.Faults{Next: lambdatest.Fault{
			Status: http.StatusBadGateway, Times: 1, Skip: 1,
		}}},
		says: []string{"agent: next event failed"},
		drive: func(r *run) {
			r.send(succeeds)
			r.freeze(hour)
			r.send(succeeds, succeeds, fails, succeeds)
			r.shutdown()
		},
	},
}

func tenExtensions() []lambdatest.ExternalExtension {
	all := make([]lambdatest.ExternalExtension, 10)
	for i := range all {
		all[i].Name = "extension-" + strconv.Itoa(i)
	}
	return all
}
