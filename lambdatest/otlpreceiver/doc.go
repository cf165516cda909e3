// Package otlpreceiver is an OTLP/HTTP receiver for tests and local runs: it keeps the spans that arrive, remembers how and when
// they came, and misbehaves when told to.
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
// POST to a path that ends in /v1/traces, with binary protobuf or OTLP's JSON, plain or gzip. Everything else is refused with the status
// that says why. Bodies are bounded, before and after decompression.
//
// # When things are recorded
//
// A request begins when its headers have arrived, and ends when its fate is decided, which is before the first
// byte of the answer leaves: whatever a client does because of an answer comes later in the log than the end of the
// request. A span is kept, and counted by WaitSpans, from that same moment.
//
// # Under testing/synctest
//
// Create the receiver inside the bubble and serve it on an in-memory listener; delays then pass in virtual time.
package otlpreceiver
