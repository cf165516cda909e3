// Package otlp encodes ended spans as OTLP requests: in protobuf ([Encoder]) and as lines of JSON ([LineEncoder]).
//
// The encoders write directly from the SDK's read-only spans, without the generated protobuf types, whose descriptors and
// reflection would add 1.6 MB to every binary and an allocation to every attribute. Tests compare the output with those types
// field by field. The wire functions are this package's own, because protowire opens the executable at init; tests use it as
// an oracle.
//
//	encoder.go            resources and scopes    span.go, value.go  what a span says
//	line.go, json.go      protobuf to JSON        wire.go            protobuf's wire format
//
// Wire format: opentelemetry-proto 1.x, opentelemetry/proto/collector/trace/v1/trace_service.proto and the files it
// imports. Package internal/otlp/response reads the responses, and package internal/otlphttp sends requests.
package otlp
