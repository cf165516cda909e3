package otelx

import (
	"os"
	"slices"
	"strings"
	"sync"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// hiding guards the environment while newProvider changes it.
var hiding sync.Mutex

// newProvider calls sdktrace.NewTracerProvider. The SDK reads variables for which opts has the values already. If it would report
// a bad value, which is in the error of New, or add other attributes to the resource, it does not see the variable.
func newProvider(opts ...sdktrace.TracerProviderOption) *sdktrace.TracerProvider {
	hiding.Lock()
	defer hiding.Unlock()
	for _, key := range []string{"OTEL_RESOURCE_ATTRIBUTES", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"} {
		value, set := os.LookupEnv(key)
		if !set || key == "OTEL_RESOURCE_ATTRIBUTES" && isPlain(value) {
			continue
		}
		if os.Unsetenv(key) == nil {
			defer func() { _ = os.Setenv(key, value) }() // it was set before
		}
	}
	return sdktrace.NewTracerProvider(opts...)
}

// isPlain reports whether the SDK finds in a value of OTEL_RESOURCE_ATTRIBUTES the keys that package config finds: it neither
// decodes keys nor discards a value with a fault, and takes a trailing comma for a fault.
func isPlain(value string) bool {
	noPair := func(entry string) bool { return strings.Index(strings.TrimSpace(entry), "=") < 1 }
	return !strings.Contains(value, "%") && !slices.ContainsFunc(strings.Split(value, ","), noPair)
}
