// Package otelenv reads settings from the environment variables of the OpenTelemetry specification and of this module.
//
// A [Reader] returns typed values and collects errors. An empty variable counts as unset, and so does a bad value
// (OpenTelemetry Specification, "Environment Variable Specification": empty values, numeric, enum). Each error names the
// variable, its value, the problem and, in parentheses, the remedy:
//
//	OTEL_BSP_SCHEDULE_DELAY="soon": not a number of milliseconds (for example 5000)
//
// An error never shows a credential: no header value, no user information, no query and no private key.
//
// The variables of the OTLP exporter exist for all signals and for each [Signal]. The variable of the signal wins. If its
// value is bad, the general variable counts.
package otelenv
