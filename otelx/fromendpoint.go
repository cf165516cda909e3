package otelx

import "net/url"

// FromEndpoint defers the choice of an option to [New], which calls choose with the endpoint that it has found: of an
// option, wherever it stands, or of the environment; nil where there is none, a bad one included. It is how a package
// that knows a backend recognises it. A nil option is skipped; others count as if they stood after all that New was
// given, at the rank ([Fallback] or not) of FromEndpoint itself. choose must be free of side effects and not change the
// URL, which may have credentials in it.
//
// Where no endpoint can count, choose is not called: where spans do not go by OTLP ([WithExporter],
// OTEL_TRACES_EXPORTER, OTEL_SDK_DISABLED), and where an option outside Fallback has them go another way ([WithSender]).
func FromEndpoint(choose func(endpoint *url.URL) Option) Option {
	return optionFunc(func(c *config) {
		if c.getenv != nil {
			c.deferred = append(c.deferred, deferred{choose, c.target})
		}
	})
}

// Invalid makes [New] return err among its errors. It is how a package that makes options for New says that a setting
// it was given is bad: err names the setting, its value, what is accepted, and what counts instead. A nil err changes
// nothing.
func Invalid(err error) Option {
	return optionFunc(func(c *config) {
		if err != nil {
			c.errs = append(c.errs, err)
		}
	})
}

// deferred is an option that depends on the endpoint.
type deferred struct {
	choose func(endpoint *url.URL) Option
	target *settings
}

// applyDeferred applies what all other options and the environment had to be known for.
func (c *config) applyDeferred() {
	if len(c.deferred) == 0 || c.chosen.sender != nil || !c.sendsOTLP(c.getenv) {
		return
	}
	endpoint := c.findEndpoint(&environment{getenv: c.getenv}) // what is wrong with it is told where it is used
	for i := 0; i < len(c.deferred); i++ {                     // those that it appends itself included
		d := c.deferred[i]
		c.target = d.target
		Options(d.choose(endpoint)).apply(c)
	}
	c.target = &c.chosen
}

// sendsOTLP reports whether spans go by OTLP.
func (c *config) sendsOTLP(getenv func(string) string) bool {
	env := &environment{getenv: getenv} // what is wrong is told where it is used
	if c.chosen.exporter != nil || env.boolean("OTEL_SDK_DISABLED") {
		return false
	}
	kind := env.exporterKind()
	return c.chosen.sender != nil || kind == "otlp" || kind == "" && c.fallback.exporter == nil
}
