// Package replay sends spans, data points and log records that were spilled to a log to OTLP/HTTP endpoints.
//
//	internal/spill/lines: a log → documents      Settings, Sender: documents → requests
//
// A [Sender] sends each item once, in requests of bounded size, repeats requests that the endpoint asks to repeat, and counts
// the items; see [Counts].
//
// Replay does not use the delivery engine. A command waits for minutes if a backend asks for it and then ends, while the
// engine keeps items for a later flush and gives up within the time of an invocation.
package replay
