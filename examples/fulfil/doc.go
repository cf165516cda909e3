// Command fulfil is the function behind an SQS queue. It packs the orders of a batch and returns only the failed messages
// to the queue (ReportBatchItemFailures). Each message has a span of its own. If the message carries its sender's trace
// context, the span has a link to it.
//
// In the local Lambda, from the repository's root:
//
//	go build -tags lambda.norpc -o bin/fulfil ./examples/fulfil
//	go run ./cmd/epilogue run -trace -event examples/fulfil/events/batch-with-bad.json -- bin/fulfil
//
// The folder events has batches from SQS: batch.json (messages with a W3C context, an X-Ray header, and neither),
// batch-with-bad.json and single.json.
//
// It logs each message that goes back to the queue, through OpenTelemetry, in the trace of its invocation.
//
// A message's body is {"id":"17","sku":"tea","quantity":2}. Another body fails, and reaches the dead-letter queue
// after the queue's number of tries. Messages that are not begun when the invocation's time runs out return to the queue.
//
// The sender's trace context is taken from the message attributes traceparent and tracestate, else from the system
// attribute AWSTraceHeader, in the formats that the global propagator reads (OTEL_PROPAGATORS).
package main
