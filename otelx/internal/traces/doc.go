// Package traces is the traces signal of otelx: the span processor, the table of open spans, and the adapter between
// spans and the delivery queue.
package traces
