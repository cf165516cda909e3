// Package otlp encodes spans, data points and log records as OTLP requests: in protobuf ([SpanEncoder],
// [MetricEncoder], [LogEncoder]) and as lines of JSON ([LineEncoder]).
//
// The encoders write directly from the SDK's types, without the generated protobuf types, whose descriptors and
// reflection would add 1.6 MB to every binary and an allocation to every attribute. Tests compare the output with those
// types field by field. The wire functions are this package's own, because protowire opens the executable at init;
// tests use it as an oracle.
//
//	request.go        resources and scopes           span.go, log.go   items and their encoders
//	point.go          data points of a collection    metric.go         their encoder
//	reduce.go, …      items that are too large       value.go          attributes
//	line.go, json.go  protobuf to JSON               wire.go           protobuf's wire format
//
// No encoder refers to another one, so a program links those of its signals only.
//
// Wire format: opentelemetry-proto 1.x, opentelemetry/proto/collector/…/v1 and the files they import. Package
// internal/otlp/response reads the responses, and package internal/otlphttp sends requests.
package otlp
