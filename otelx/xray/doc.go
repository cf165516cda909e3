// Package xray connects OpenTelemetry with AWS X-Ray: two ways to send spans without a collector, propagators for its trace
// header, and an ID generator.
//
// # In a function
//
// awslambda.Defaults uses all of it. Without an OTLP endpoint, spans go by UDP to the X-Ray daemon that Lambda runs for a function
// ([UDP]). If the endpoint is X-Ray's own, requests are signed ([AutoConfigure]). It also registers the propagators for
// OTEL_PROPAGATORS.
//
// # In a service
//
//	tel, err := otelx.New(ctx, xray.OTLP("eu-west-1", xray.WithCredentials(cfg.Credentials)))
//
// sends to X-Ray's OTLP endpoint, with cfg of aws-sdk-go-v2/config, and
//
//	tel, err := otelx.New(ctx, xray.UDP("127.0.0.1:2000"))
//
// to a daemon. Propagators and ids are options of their own:
//
//	tel, err := otelx.New(ctx,
//		otelx.WithNamedPropagator("xray", xray.Propagator{}),
//		otelx.WithIDGenerator(xray.IDGenerator{}))
//
// # Daemon or OTLP endpoint
//
// The daemon needs no setting. The function's role needs xray:PutTraceSegments, which Lambda's console and AWS SAM add with active
// tracing. A flush waits for no round trip, but nothing answers: [UDP] documents losses and large flushes.
//
// The OTLP endpoint confirms spans and accepts larger ones, at the cost of a TLS connection. It needs CloudWatch Transaction Search
// in the account, and the same permission.
package xray
