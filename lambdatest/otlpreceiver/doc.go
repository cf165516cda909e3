// Package otlpreceiver is an OTLP/HTTP receiver for tests and local runs. It keeps received spans, data points and log
// records, records their requests with their times, and injects faults.
//
//	recv := otlpreceiver.New(otlpreceiver.Config{Log: log})
//	defer recv.Close()
//	err := recv.Listen("127.0.0.1:0")              // or recv.Serve(l) on any net.Listener, in memory too
//	…                                              // OTEL_EXPORTER_OTLP_ENDPOINT=recv.Endpoint()
//	recv.FailNext(otlpreceiver.Fault{Status: 503, RetryAfter: "1"})
//	spans, err := recv.WaitSpans(ctx, 3)
//
// # Requests
//
// The receiver accepts POST to a path that ends in /v1/traces, /v1/metrics or /v1/logs, with binary protobuf or OTLP's
// JSON, plain or gzip. It refuses other requests with the matching status. Bodies are bounded, before and after
// decompression. A fault may be limited to one signal.
//
// A received attribute value or log body is nil, bool, int64, float64, string, []byte, []any or map[string]any.
//
// # Recording
//
// A request begins when its headers have arrived. It ends when its outcome is decided, before the first byte of the answer
// leaves. So a client's reaction to an answer is later in the log than the end of the request. At that moment the items are
// kept, and WaitSpans, WaitDataPoints and WaitLogRecords count them.
//
// # Under testing/synctest
//
// Create the receiver inside the bubble and serve it on an in-memory listener; delays then pass in virtual time.
package otlpreceiver
