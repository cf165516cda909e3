// Command function is the Lambda function of the fault tests. Each invocation ends the given number of spans, with every
// kind of field that a span can have. E2E_SENDS_BY selects the exporter: "epilogue" (default), or "sdk", the OpenTelemetry
// SDK's batch processor with otlptracehttp, for a comparison.
//
// If E2E_RECORD is set, the SDK's own means also write each ended span to that file immediately, as a record for the
// comparison.
package main
