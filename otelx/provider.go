package otelx

import (
	"os"
	"slices"
	"strings"
	"sync"
)

// hidingLock guards the environment while hiding changes it.
var hidingLock sync.Mutex

// hiding calls newProvider, which makes a provider of the OpenTelemetry SDK. The SDK reads variables for which the options have
// the values already. If it would report a bad value, which is in the error of New, or add other attributes to the resource, it
// does not see the variable.
func hiding[T any](newProvider func() T) T {
	defer hideVariables()()
	return newProvider()
}

func hideVariables() (restore func()) {
	hidingLock.Lock()
	hidden := map[string]string{}
	for _, key := range []string{"OTEL_RESOURCE_ATTRIBUTES", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"} {
		value, set := os.LookupEnv(key)
		if !set || key == "OTEL_RESOURCE_ATTRIBUTES" && isPlain(value) {
			continue
		}
		if os.Unsetenv(key) == nil {
			hidden[key] = value
		}
	}
	return func() {
		for key, value := range hidden {
			_ = os.Setenv(key, value) // it was set before
		}
		hidingLock.Unlock()
	}
}

// isPlain reports whether the SDK finds in a value of OTEL_RESOURCE_ATTRIBUTES the keys that package config finds: it neither
// decodes keys nor discards a value with a fault, and takes a trailing comma for a fault.
func isPlain(value string) bool {
	noPair := func(entry string) bool { return strings.Index(strings.TrimSpace(entry), "=") < 1 }
	return !strings.Contains(value, "%") && !slices.ContainsFunc(strings.Split(value, ","), noPair)
}
