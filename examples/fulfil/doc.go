// Command fulfil is the function behind an SQS queue: it packs the orders it is sent, and gives back to the queue the
// messages that failed, and only those (ReportBatchItemFailures). Each message has a span of its own, linked to the trace
// of whoever sent it where the message says so.
//
// In the local Lambda, from the repository's root:
//
//	go build -tags lambda.norpc -o bin/fulfil ./examples/fulfil
//	go run ./cmd/epilogue run -trace -event examples/fulfil/events/batch-with-bad.json -- bin/fulfil
//
// The folder events has what SQS sends: batch.json (messages with a W3C context, an X-Ray header, and neither),
// batch-with-bad.json and single.json.
//
// A message's body is {"id":"17","sku":"tea","quantity":2}. One that does not read as such fails, and ends in the
// dead-letter queue after the queue's number of tries. Messages not begun when the invocation's time runs out are given
// back unopened.
//
// The sender's trace context is taken from the message attributes traceparent and tracestate, else from the system
// attribute AWSTraceHeader, in the formats that the global propagator reads (OTEL_PROPAGATORS).
package main
