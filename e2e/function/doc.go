// Command function is the Lambda function that the tests send through bad weather. Each invocation ends as many spans as
// it is told, with every kind of field that a span can have. What sends them is chosen by E2E_SENDS_BY: "epilogue", which
// is the default, or "sdk", the OpenTelemetry SDK's batch processor with otlptracehttp, for a comparison.
//
// With E2E_RECORD set, each span that ends is also written to that file, at once and by the SDK's own means, so that there
// is a record of what the one or the other was given.
package main
