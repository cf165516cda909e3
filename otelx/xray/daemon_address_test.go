package xray

import (
	"net"
	"strings"
	"testing"
)

func TestDaemonAddress(t *testing.T) {
	for _, c := range []struct{ value, want, err string }{
		{"127.0.0.1:2000", "127.0.0.1:2000", ""},
		{"169.254.100.1:2000", "169.254.100.1:2000", ""},
		{"daemon.local:65535", "daemon.local:65535", ""},
		{"[::1]:2000", "[::1]:2000", ""},
		{" 127.0.0.1:2000\n", "127.0.0.1:2000", ""},
		{"tcp:127.0.0.1:2000 udp:127.0.0.2:2001", "127.0.0.2:2001", ""},
		{"udp:127.0.0.2:2001   tcp:127.0.0.1:2000", "127.0.0.2:2001", ""},
		{"udp:[::1]:2001", "[::1]:2001", ""},
		{"", "", "no address for udp (write host:port, or tcp:host:port udp:host:port)"},
		{"tcp:127.0.0.1:2000", "", "no address for udp"},
		{"127.0.0.1", "", "no host and port"},
		{"127.0.0.1:2000:1", "", "no host and port"},
		{":2000", "", "no valid host"},
		{"http://127.0.0.1:2000", "", "no host and port"},
		{"a/b:2000", "", "no valid host"},
		{"127.0.0.1:0", "", "no valid port (write 1 to 65535"},
		{"127.0.0.1:65536", "", "no valid port"},
		{"127.0.0.1:xray", "", "no valid port"},
		{"127.0.0.1:-1", "", "no valid port"},
		{"127.0.0.1:2000 127.0.0.1:2001", "", "neither one address nor one for each of tcp and udp"},
		{"udp:a:1 udp:b:2", "", "neither one address"},
		{"udp:a:1 sctp:b:2", "", "neither one address"},
		{"tcp:bad udp:a:1", "", "no host and port"},
	} {
		got, err := parseDaemonAddress(c.value)
		if c.err == "" && (err != nil || got != c.want) {
			t.Errorf("%q: %q, %v; want %q", c.value, got, err, c.want)
		}
		if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%q: %v; want %q", c.value, err, c.err)
		}
	}
}

// FuzzDaemonAddress: an accepted address is part of the value and can be dialed.
func FuzzDaemonAddress(f *testing.F) {
	f.Add("127.0.0.1:2000")
	f.Add("tcp:127.0.0.1:2000 udp:[::1]:2001")
	f.Add("udp:udp:1")
	f.Fuzz(func(t *testing.T, value string) {
		address, err := parseDaemonAddress(value)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: %v", value, err)
			}
			return
		}
		host, port, err := net.SplitHostPort(address)
		if err != nil || host == "" || port == "" || !strings.Contains(value, address) || strings.ContainsAny(address, " \t\r\n/") {
			t.Errorf("%q gives %q (%v)", value, address, err)
		}
	})
}
