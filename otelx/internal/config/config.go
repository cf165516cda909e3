// Package config turns options and environment variables into one resolved value, which otelx.New wires.
//
//	default  <  preset (Fallback)  <  environment  <  option
//
// Options write [Settings], those inside [Fallback] another one. [Resolve] takes each setting from the first place that has it. It
// does not read a variable that an option replaces, so such a variable cannot be an error.
package config

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/variables"
)

// configFileKey names a file for SDKs with declarative configuration.
const configFileKey = "OTEL_CONFIG_FILE"

// Config is the resolved configuration.
type Config struct {
	// Settings has at most one destination for traces: Exporter, Sender or Endpoint. Without one, spans are not exported. If
	// Disabled is true, only the propagator is resolved. Common is not used.
	Settings

	// Errs are the bad settings. Each counts as unset.
	Errs []error
}

// Resolve applies opts and reads the environment, by osGetenv unless an option says otherwise.
func Resolve(osGetenv func(string) string, opts []Option) *Config {
	b := build(osGetenv, opts)
	r := &resolver{builder: b, env: otelenv.New(b.getenv)}
	c := &Config{}
	c.Traces.ScheduleDelay, c.Traces.ExportTimeout = new(time.Duration), new(time.Duration)
	c.Disabled = choose(b.options.Disabled, r.disabled, b.preset.Disabled, new(bool))
	if !*c.Disabled {
		c.Resource = r.resource()
		r.traces(&c.Traces)
		if c.Metrics.On = r.options.Metrics.On; c.Metrics.On == nil {
			c.Metrics.On = r.preset.Metrics.On
		}
		if c.Metrics.On != nil {
			r.resolveMetrics(r, c)
		}
		if c.Logs.On = r.options.Logs.On; c.Logs.On == nil {
			c.Logs.On = r.preset.Logs.On
		}
		if c.Logs.On != nil {
			r.resolveLogs(r, &c.Logs)
		}
		r.checkOptIns(c)
		if c.Traces.Exports() || c.Metrics.On != nil || c.Logs.On != nil {
			r.spill(c)
			requests := r.number("EPILOGUE_MAX_CONCURRENT_REQUESTS", 1, otelenv.MaxInt)
			c.Requests = choose(r.options.Requests, requests, r.preset.Requests, defaultRequests)
		}
	}
	c.Propagator = choose(b.options.Propagator, r.propagator, b.preset.Propagator, standardPropagator)
	if _, file := r.env.Lookup(configFileKey); file != "" {
		r.env.Reject(configFileKey, file, "not read (set the OTEL_* variables or options instead)")
	}
	for _, err := range variables.CheckRenamed(variables.OTelX, b.getenv) {
		r.env.Fail(err)
	}
	c.Errs = slices.Concat(b.errs, r.env.Errs())
	if b.foundGetenv == nil {
		c.Errs = append(c.Errs, variables.CheckUnknown(os.Environ(), false)...)
	}
	return c
}

// Flusher is the SDK, as the providers of the signals see it.
type Flusher interface {
	ForceFlush(ctx context.Context) error
	Shutdown(ctx context.Context) error
}

// resolver combines options, environment, preset and defaults.
type resolver struct {
	*builder

	env *otelenv.Reader
}

// choose returns the first of option, variable, preset and standard that is set. The zero value means unset.
func choose[T comparable](option T, variable func() T, preset, standard T) T {
	var unset T
	if option != unset {
		return option
	}
	if v := variable(); v != unset {
		return v
	}
	if preset != unset {
		return preset
	}
	return standard
}

// duration returns the first of option, variable, preset and standard that is set.
func (r *resolver) duration(option *time.Duration, keys []string, preset *time.Duration, standard time.Duration) *time.Duration {
	variable := func() *time.Duration {
		const unset = -1
		if d := r.env.Millis(unset, keys...); d != unset {
			return &d
		}
		return nil
	}
	return choose(option, variable, preset, &standard)
}

// disabled reads OTEL_SDK_DISABLED.
func (r *resolver) disabled() *bool {
	if value := r.env.Choice([]string{"true", "false"}, "", "OTEL_SDK_DISABLED"); value != "" {
		return new(value == "true")
	}
	return nil
}

// number reads a variable, if key is not empty, that holds a number from least, which is above 0, to most.
func (r *resolver) number(key string, least, most int) func() int {
	return func() int {
		if key == "" {
			return 0
		}
		return r.env.Int(least, most, 0, key)
	}
}
