package otelx

import (
	"net/url"

	"github.com/epilogue-go/epilogue/internal/otelenv"
)

// FromEndpoint defers the choice of an option to [New], which calls choose with the endpoint from the options and the
// environment; nil if there is no valid one. A package that knows a backend recognizes it this way. A nil option is skipped.
// Other options apply after all options of New, with the rank ([Fallback] or not) of FromEndpoint itself. choose must have no
// side effects and must not change the URL, which may hold credentials.
//
// New does not call choose if no endpoint is used: spans do not go by OTLP ([WithExporter], OTEL_TRACES_EXPORTER,
// OTEL_SDK_DISABLED), or an option outside Fallback sets [WithSender].
func FromEndpoint(choose func(endpoint *url.URL) Option) Option {
	return optionFunc(func(c *config) {
		if c.getenv != nil {
			c.deferred = append(c.deferred, deferred{choose, c.target})
		}
	})
}

// Invalid makes [New] return err among its errors. A package that makes options for New reports a bad setting this way; err
// names the setting, its value, the problem and the remedy. A nil err changes nothing.
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

// applyDeferred applies the options that depend on the endpoint, when all others are known.
func (c *config) applyDeferred() {
	if len(c.deferred) == 0 || c.chosen.sender != nil || !c.sendsOTLP() {
		return
	}
	endpoint := c.findEndpoint(otelenv.New(c.getenv)) // its errors are reported where it is used
	for i := 0; i < len(c.deferred); i++ {            // including those that the loop appends
		d := c.deferred[i]
		c.target = d.target
		Options(d.choose(endpoint)).apply(c)
	}
	c.target = &c.chosen
}

// sendsOTLP reports whether spans go by OTLP.
func (c *config) sendsOTLP() bool {
	env := otelenv.New(c.getenv) // its errors are reported where the values are used
	if c.chosen.exporter != nil || env.Bool("OTEL_SDK_DISABLED") {
		return false
	}
	kind := exporterKind(env)
	return c.chosen.sender != nil || kind == "otlp" || kind == "" && c.fallback.exporter == nil
}
