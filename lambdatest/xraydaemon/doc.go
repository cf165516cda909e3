// Package xraydaemon is an X-Ray daemon for tests and local runs that accepts OTLP spans by UDP. It keeps the spans and
// records their datagrams with the time of arrival.
//
//	daemon := xraydaemon.New(xraydaemon.Config{Log: log})
//	defer daemon.Close()
//	err := daemon.Listen("127.0.0.1:0")            // or daemon.Serve(conn) on any net.PacketConn
//	…                                              // AWS_XRAY_DAEMON_ADDRESS=daemon.Address()
//	spans, err := daemon.WaitSpans(ctx, 3)
//
// # Datagrams
//
// A datagram has the line {"format":"json","version":1}, then T1S and an OTLP ExportTraceServiceRequest in protobuf and
// base64, as AWS's OpenTelemetry distributions send it in Lambda. T1U instead of T1S marks unsampled spans, which are
// counted and not kept. The daemon refuses all other datagrams, including segments of the X-Ray SDKs. Their sender gets no
// error, because the daemon never answers.
//
// # Recording
//
// A datagram is recorded, and its spans are kept, when it has been read from the socket. Its sender does not wait for that,
// so the log may have the sender's next event first. The kernel drops datagrams that arrive faster than they are read,
// without an error.
package xraydaemon
