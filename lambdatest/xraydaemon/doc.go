// Package xraydaemon is an X-Ray daemon for tests and local runs, as far as spans by UDP go: it keeps the spans that
// arrive and remembers how and when they came.
//
//	daemon := xraydaemon.New(xraydaemon.Config{Log: log})
//	defer daemon.Close()
//	err := daemon.Listen("127.0.0.1:0")            // or daemon.Serve(conn) on any net.PacketConn
//	…                                              // AWS_XRAY_DAEMON_ADDRESS=daemon.Address()
//	spans, err := daemon.WaitSpans(ctx, 3)
//
// # What it takes
//
// A datagram of the line {"format":"json","version":1}, then T1S and an OTLP ExportTraceServiceRequest in protobuf and
// base64: what AWS's OpenTelemetry distributions send in Lambda. T1U instead of T1S is for spans that are not
// sampled, which are counted and not kept. Everything else, the segments of the X-Ray SDKs included, is refused, which
// its sender gets no error: the daemon never answers.
//
// # When things are recorded
//
// A datagram is recorded, and its spans are kept, when it has been read from the socket. Its sender does not wait for that,
// so the log may have the sender's next event first. The kernel drops datagrams that arrive faster than they are read,
// without an error.
package xraydaemon
