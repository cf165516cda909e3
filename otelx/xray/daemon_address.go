package xray

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

const (
	daemonAddressKey     = "AWS_XRAY_DAEMON_ADDRESS"
	defaultDaemonAddress = "127.0.0.1:2000"

	addressForms = "(write host:port, or tcp:host:port udp:host:port)"
)

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

// badAddress returns an error about a setting, shown in form, whose value is not an address.
func badAddress(form, value string, err error) error {
	const most = 120
	if len(value) > most {
		value = strings.ToValidUTF8(value[:most], "") + "…"
	}
	return fmt.Errorf(form+": %w; spans go by OTLP over HTTP", value, err)
}
