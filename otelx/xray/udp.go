package xray

import (
	"strings"

	"github.com/epilogue-go/epilogue/otelx"
)

// UDP sends spans to an X-Ray daemon at address, in the place of OTLP over HTTP. Nothing but a daemon is needed: Lambda
// runs one beside every function and says where in AWS_XRAY_DAEMON_ADDRESS.
//
// A datagram holds at most 49,104 bytes of OTLP protobuf: what is more goes out as several, and a span that is larger
// alone is dropped as too large, with its name in the error of the flush. Of more than two such datagrams at once, each
// further one follows a millisecond after the one before, because the kernel of the receiving side throws away what its
// daemon has not read in time: by default a socket's buffer there has room for three. So no more than 49 MB leave in a
// second, and 22 MB in what a function has after SIGTERM.
//
// The daemon answers nothing. A span counts as exported when the kernel has taken its datagram and has not said that
// nobody listens there, which of a daemon on the same machine it says at once. What is lost behind that is not known
// here. A datagram that is refused so, or for which there is no room, is tried again a few times on a new socket. Where
// nobody listens its spans are then kept for the next flush, which costs this one 3 ms. An address that is not the host's
// own may be silent where nobody listens.
//
// Between flushes no goroutine exists and no timer runs; one socket stays open, which a freeze does no harm. Inside
// [otelx.Fallback] it counts only where no endpoint is set. The format is AWS's own and not documented; it is the one
// that AWS's OpenTelemetry distributions for other languages use in Lambda.
//
// Environment: AWS_XRAY_DAEMON_ADDRESS where address is empty: host:port, or in X-Ray's own form tcp:host:port
// udp:host:port, which address may have too; default 127.0.0.1:2000. A bad one is an error, and spans then go by OTLP
// over HTTP.
func UDP(address string) otelx.Option {
	if address != "" {
		return udpTo("the address of xray.UDP", `xray.UDP(%q)`, address)
	}
	return otelx.FromEnv(func(getenv func(string) string) otelx.Option {
		if value := strings.TrimSpace(getenv(daemonAddressKey)); value != "" {
			return udpTo(daemonAddressKey, daemonAddressKey+"=%q", value)
		}
		return udpTo(daemonAddressKey, "%q", defaultDaemonAddress)
	})
}

// udpTo is UDP with the name of the setting, and the form in which errors show its value.
func udpTo(setting, form, value string) otelx.Option {
	address, err := parseDaemonAddress(value)
	if err != nil {
		return otelx.Invalid(badAddress(form, value, err))
	}
	return otelx.Options(
		otelx.WithSender(newUDPSender(address, setting)),
		otelx.WithLimits(otelx.Limits{RequestBytes: maxRequest, Requests: 1, Unacknowledged: true}),
	)
}
