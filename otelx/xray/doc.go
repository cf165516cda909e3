// Package xray connects OpenTelemetry with AWS X-Ray: two ways to send spans there without a collector, propagators for
// its trace header, and ids that it takes.
//
// # In a function
//
// awslambda.Defaults brings all of it in. Where no OTLP endpoint is set, spans go by UDP to the X-Ray daemon that Lambda
// runs beside a function ([UDP]); where the endpoint is X-Ray's own, requests are signed ([AutoConfigure]). It also registers the
// propagators for OTEL_PROPAGATORS.
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
// # Which of the two
//
// The daemon takes no setting: the function's role needs xray:PutTraceSegments, which Lambda's console and AWS SAM add
// with active tracing, and a flush waits for no round trip. But nothing answers: see [UDP] for what is known of such
// spans, and for what a large flush does. The OTLP endpoint tells what it has taken and takes larger spans, for a TLS
// connection from the function to it. It wants CloudWatch Transaction Search switched on in the account, and the same
// permission.
package xray
