// Package config turns options and environment variables into one resolved value, which otelx.New wires.
//
//	default  <  preset (Fallback)  <  environment  <  option
//
// Options write [Settings], those inside [Fallback] another one. [Resolve] takes each setting from the first place that has it. It
// does not read a variable that an option replaces, so such a variable cannot be an error.
package config

import (
	"slices"
	"time"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/retired"
)

// Config is the resolved configuration.
type Config struct {
	// Settings has at most one destination: Exporter, Sender or Endpoint.URL. Without one, nothing is exported.
	Settings

	// Disabled is OTEL_SDK_DISABLED. Only the propagator is resolved then.
	Disabled      bool
	Delay         time.Duration // from the first span in an empty queue to its export in the background
	ExportTimeout time.Duration // of a batch, and of a flush without a deadline; 0: none
	SpillBytes    int
	// Errs are the bad settings. Each counts as unset.
	Errs []error
}

// Exports reports whether there is a destination.
func (c *Config) Exports() bool { return c.Exporter != nil || c.Sender != nil || c.Endpoint.URL != nil }

// Resolve applies opts and reads the environment, by osGetenv unless an option says otherwise.
func Resolve(osGetenv func(string) string, opts []Option) *Config {
	b := build(osGetenv, opts)
	r := &resolver{builder: b, env: otelenv.New(b.getenv)}
	c := &Config{}
	if c.Disabled = r.env.Bool("OTEL_SDK_DISABLED"); !c.Disabled {
		r.destination(c)
		if c.Exports() {
			r.export(c)
		}
		r.tracing(c)
	}
	c.Propagator = choose(b.options.Propagator, r.propagator, b.preset.Propagator, standardPropagator)
	for _, err := range retired.Check(retired.OTelX, b.getenv) {
		r.env.Fail(err)
	}
	c.Errs = slices.Concat(b.errs, r.env.Errs())
	return c
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

// number reads a variable that holds a number from least, which is above 0, to most.
func (r *resolver) number(key string, least, most int) func() int {
	return func() int { return r.env.Int(least, most, 0, key) }
}
