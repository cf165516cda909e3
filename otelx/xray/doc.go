// Package xray connects OpenTelemetry with AWS X-Ray: propagators for its trace header, and ids that it takes.
//
// awslambda.Defaults registers the propagators for OTEL_PROPAGATORS in a function. A service does it itself:
//
//	tel, err := otelx.New(ctx,
//		otelx.WithNamedPropagator("xray", xray.Propagator{}),
//		otelx.WithIDGenerator(xray.IDGenerator{}))
package xray
