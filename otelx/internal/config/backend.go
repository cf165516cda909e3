package config

import "github.com/epilogue-go/epilogue/internal/delivery"

// These options are for packages of this module that know a backend.

// WithSender makes s deliver encoded requests in place of OTLP over HTTP, whose settings then have no effect.
//
// Inside [Fallback] it counts only if neither an option nor the environment names an endpoint. An exporter of the program wins over
// it. OTEL_TRACES_EXPORTER=console or none wins only over a WithSender inside Fallback.
func WithSender(s delivery.Sender) Option {
	return SetIf(true, func(c *Settings) { c.Sender = s })
}

// WithLimits keeps requests within l. Each field is a setting of its own; a zero field changes nothing.
func WithLimits(l Limits) Option {
	return SetIf(true, func(c *Settings) { c.Traces.Limits = l.or(c.Traces.Limits) })
}

// WithErrorClassifier explains refusals that OTLP counts as final. The sender calls classify with the HTTP status and the
// backend's message, shortened and without credentials. classify returns a hint that tells the user what to do (empty: none), and
// whether another attempt may succeed after all; then the items are kept. otel.Handle gets each hint once, together with the
// message. A panic of classify has no effect. Default: none.
func WithErrorClassifier(classify func(status int, message string) (hint string, retry bool)) Option {
	return SetIf(true, func(c *Settings) { c.HTTP.Classify = classify })
}
