package xray

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

const (
	daemonAddressKey     = "AWS_XRAY_DAEMON_ADDRESS"
	defaultDaemonAddress = "127.0.0.1:2000"

	addressForms = "(write host:port, or tcp:host:port udp:host:port)"
)

// UDP sends spans to an X-Ray daemon at address instead of OTLP over HTTP. Lambda runs a daemon for every function and sets
// AWS_XRAY_DAEMON_ADDRESS.
//
// A datagram holds at most 49,104 bytes of OTLP protobuf. A larger batch is sent as several datagrams, and a span that is larger
// alone is reduced (see [otelx.WithMaxRequestSize]). After two full datagrams each further one follows a
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
		return udpTo("the address of xray.UDP", `xray.UDP(%.120q)`, address)
	}
	return config.FromEnv(func(getenv func(string) string) otelx.Option {
		if value := strings.TrimSpace(getenv(daemonAddressKey)); value != "" {
			return udpTo(daemonAddressKey, daemonAddressKey+"=%.120q", value)
		}
		return udpTo(daemonAddressKey, "%q", defaultDaemonAddress)
	})
}

// String names the destination in errors.
func (s *udpSender) String() string { return "the X-Ray daemon at " + s.address }

// udpTo is UDP with the name of the setting and the form of its value in errors.
func udpTo(setting, form, value string) otelx.Option {
	address, err := parseDaemonAddress(value)
	if err != nil {
		if strings.Contains(value, "@") {
			value = "…" // it may hold a password
		}
		return config.Invalid(fmt.Errorf(form+": %w; spans go by OTLP over HTTP", value, err))
	}
	return config.Options(
		config.WithSender(newUDPSender(address, setting)),
		config.WithLimits(config.Limits{RequestBytes: maxRequest}),
	)
}

// parseDaemonAddress returns the host:port for UDP of a daemon's address (AWS X-Ray Developer Guide, "Configuring the X-Ray SDK",
// AWS_XRAY_DAEMON_ADDRESS): one address for both protocols, or one for UDP and one for TCP in any order. The one for TCP, which
// serves sampling rules, may be missing.
func parseDaemonAddress(value string) (string, error) {
	fields := strings.Fields(value)
	if len(fields) == 1 && !strings.HasPrefix(fields[0], "tcp:") && !strings.HasPrefix(fields[0], "udp:") {
		return fields[0], checkHostPort(fields[0])
	}
	byKind := map[string]string{}
	for _, field := range fields {
		kind, address, _ := strings.Cut(field, ":")
		if _, again := byKind[kind]; again || kind != "tcp" && kind != "udp" {
			return "", errors.New("neither one address nor one for each of tcp and udp " + addressForms)
		}
		if err := checkHostPort(address); err != nil {
			return "", err
		}
		byKind[kind] = address
	}
	address, found := byKind["udp"]
	if !found {
		return "", errors.New("no address for udp " + addressForms)
	}
	return address, nil
}

func checkHostPort(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return errors.New("no host and port " + addressForms)
	}
	if host == "" || strings.ContainsFunc(host, notInHost) {
		return errors.New("no valid host " + addressForms)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errors.New("no valid port (write 1 to 65535 after the host)")
	}
	return nil
}

// notInHost reports whether r cannot be a part of a host name or an address with its zone.
func notInHost(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`/\@?#"'<>[]`, r)
}
