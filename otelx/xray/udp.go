package xray

import (
	"strings"

	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

// UDP sends spans to an X-Ray daemon at address in place of OTLP over HTTP. Lambda runs a daemon for every function and sets
// AWS_XRAY_DAEMON_ADDRESS.
//
// A datagram holds at most 49,104 bytes of OTLP protobuf. A larger batch is sent as several datagrams, and a span that is larger
// alone is dropped as too large, with its name in the error of the flush. After two full datagrams each further one follows a
// millisecond after the previous one, because the receiving kernel drops datagrams that the daemon has not read in time: by
// default its socket buffer holds three. So at most 49 MB are sent in a second, and 22 MB after SIGTERM.
//
// The daemon does not answer. A span counts as exported if the kernel has accepted its datagram and has not reported that no
// process listens, which it reports at once for the same machine. Later losses are unknown. A refused datagram, or one for which
// the buffer has no room, is sent again a few times on a new socket. If no process listens, the spans are kept for the next
// flush, which costs 3 ms. A daemon on another machine may be absent without a report.
//
// Between flushes no goroutine exists and no timer runs; one socket stays open, which survives a freeze. Inside
// [otelx.Fallback] it counts only if no endpoint is set. The format is AWS's own and not documented; AWS's OpenTelemetry
// distributions for other languages use it in Lambda.
//
// Environment: AWS_XRAY_DAEMON_ADDRESS if address is empty. Both are host:port, or tcp:host:port udp:host:port as for the X-Ray
// SDK; default 127.0.0.1:2000. A bad address is an error, and spans then go by OTLP over HTTP.
func UDP(address string) otelx.Option {
	if address != "" {
		return udpTo("the address of xray.UDP", `xray.UDP(%q)`, address)
	}
	return config.FromEnv(func(getenv func(string) string) otelx.Option {
		if value := strings.TrimSpace(getenv(daemonAddressKey)); value != "" {
			return udpTo(daemonAddressKey, daemonAddressKey+"=%q", value)
		}
		return udpTo(daemonAddressKey, "%q", defaultDaemonAddress)
	})
}

// udpTo is UDP with the name of the setting and the form of its value in errors.
func udpTo(setting, form, value string) otelx.Option {
	address, err := parseDaemonAddress(value)
	if err != nil {
		return config.Invalid(badAddress(form, value, err))
	}
	return config.Options(
		config.WithSender(newUDPSender(address, setting)),
		config.WithLimits(config.Limits{RequestBytes: maxRequest}),
	)
}
