// Package otlphttp sends encoded OTLP requests by OTLP/HTTP with binary protobuf.
//
//	Client: connections, TLS, signer, dials        one for each origin (scheme, host, port)
//	  └─ Sender: URL, headers, timeout, gzip       one for each signal
//
// [Sender.Send] makes one attempt and classifies its result; see delivery.Outcome. It never repeats a request that a
// backend has answered, because only the caller knows how much time is left. The one exception is a kept connection
// that breaks: Send then sends the request once more on a new connection.
//
// # Connections and freezes
//
// A frozen environment does not notice that its connections die. Load balancers and collectors close them after 60
// seconds, and NAT gateways forget them after 350 seconds without a packet to either side. So a connection that has
// been idle for more than 30 seconds of wall-clock time is closed, and after a connection error all idle connections
// are closed. net/http completes a dial whose request has ended and keeps the connection for the next request; the
// Client bounds how many such dials exist.
//
// The Client uses HTTP/1.1 only. With HTTP/2 one connection would carry all requests of a flush, and all of them would
// fail if that connection died in a freeze. OTLP/HTTP servers must support HTTP/1.1.
//
// # Safety
//
// The Client verifies the server's certificate and requires TLS 1.2. It follows redirects only within the origin,
// because others would send credentials to another host. It keeps at most 64 KiB of a response and never decompresses
// it. Errors and messages are one line of a few hundred bytes without header values, user information or query.
//
// Semantics of the exchange: OpenTelemetry Protocol Specification, "OTLP/HTTP Request" and "OTLP/HTTP Response".
package otlphttp
