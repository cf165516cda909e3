// Package otlp turns ended spans into OTLP requests and delivers them: the last two of the three stages of otelx.
//
//	buffer  →  Encoder: spans to protobuf bytes  →  Sender: bytes to a backend
//
// The [Encoder] writes an ExportTraceServiceRequest straight from the SDK's read-only spans, without the generated
// protobuf types, whose descriptors and reflection would add a megabyte and a half to every binary and
// an allocation to every attribute. Tests hold its output against those types, field by field.
//
// A [Sender] makes one attempt and says what came of it: accepted, accepted in part, worth another try, or refused for
// good. It never retries on its own, because only the buffer knows how much of the time between two freezes is left;
// the one exception is a kept-alive connection that turns out to be dead, which costs nothing to replace. [HTTPSender]
// is the one for OTLP/HTTP.
//
// Wire format: opentelemetry-proto 1.x, opentelemetry/proto/collector/trace/v1/trace_service.proto and the files it
// imports. Semantics of the exchange: the OpenTelemetry Protocol Specification, "OTLP/HTTP Request" and "OTLP/HTTP
// Response".
package otlp
