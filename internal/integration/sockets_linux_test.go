package integration

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/lambdatest/xraydaemon"
	"github.com/epilogue-go/epilogue/otelx"
)

func init() {
	mains["sockets"] = func(m machine) {
		m.run(func(_ *function, ag *agent.Agent, tel *otelx.SDK) any {
			return m.wrap(reportSockets, ag, tel)
		})
	}
}

// socket is one of a process's, as Linux lists it.
type socket struct {
	Table  string // tcp, tcp6, udp, udp6 or unix
	Listen bool
	Remote string // where it is connected to
}

// reportSockets is a function that answers with the sockets of its process.
func reportSockets(context.Context) ([]socket, error) {
	inodes, err := socketInodes()
	if err != nil {
		return nil, err
	}
	var found []socket
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6", "unix"} {
		lines, err := os.ReadFile("/proc/self/net/" + table)
		if err != nil {
			continue // no such protocol in this kernel
		}
		for line := range strings.Lines(string(lines)) {
			fields := strings.Fields(line)
			const inode, unixInode = 9, 6
			switch {
			case table == "unix" && len(fields) > unixInode && inodes[fields[unixInode]]:
				// __SO_ACCEPTCON in the flags of a socket that listens (Linux, include/uapi/linux/net.h).
				found = append(found, socket{Table: table, Listen: fields[3] == "00010000"})
			case table != "unix" && len(fields) > inode && inodes[fields[inode]]:
				const listening = "0A" // TCP_LISTEN (Linux, include/net/tcp_states.h)
				found = append(found, socket{Table: table, Listen: fields[3] == listening, Remote: address(fields[2])})
			}
		}
	}
	return found, nil
}

// socketInodes returns the inodes of the process's sockets.
func socketInodes() (map[string]bool, error) {
	links, err := filepath.Glob("/proc/self/fd/*")
	inodes := map[string]bool{}
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil { // else it has been closed since
			if inode, ok := strings.CutPrefix(target, "socket:["); ok {
				inodes[strings.TrimSuffix(inode, "]")] = true
			}
		}
	}
	return inodes, err
}

// address reads the kernel's ADDRESS:PORT, words of 32 bits in hexadecimal and in the machine's byte order, here a little
// endian's.
func address(text string) string {
	host, port, _ := strings.Cut(text, ":")
	bytes, err := hex.DecodeString(host)
	if err != nil {
		return text
	}
	for word := range slices.Chunk(bytes, 4) {
		slices.Reverse(word)
	}
	addr, _ := netip.AddrFromSlice(bytes)
	n, _ := strconv.ParseUint(port, 16, 16)
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)).String()
}

// Nothing of ours listens, and a function's process is connected to the Runtime API and to where its spans go alone.
func TestNoListeningSocket(t *testing.T) {
	receiver, daemon := otlpreceiver.New(otlpreceiver.Config{}), xraydaemon.New(xraydaemon.Config{})
	defer func() {
		if err := errors.Join(receiver.Close(), daemon.Close()); err != nil {
			t.Error(err)
		}
	}()
	if err := errors.Join(receiver.Listen("127.0.0.1:0"), daemon.Listen("127.0.0.1:0")); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ table, remote, variable string }{
		"endpoint":     {"tcp", strings.TrimPrefix(receiver.Endpoint(), "http://"), "OTEL_EXPORTER_OTLP_ENDPOINT=" + receiver.Endpoint()},
		"X-Ray daemon": {"udp", daemon.Address(), "AWS_XRAY_DAEMON_ADDRESS=" + daemon.Address()},
	} {
		t.Run(name, func(t *testing.T) {
			for i, sockets := range socketsOfInvocations(t, 3, c.variable) {
				toBackend, others := 0, map[string]bool{}
				for _, s := range sockets {
					switch {
					case !s.Listen && strings.TrimSuffix(s.Table, "6") == c.table && s.Remote == c.remote:
						toBackend++
					case s.Listen || strings.TrimSuffix(s.Table, "6") != "tcp":
						t.Errorf("invocation %d: socket %+v", i+1, s)
					default:
						others[s.Remote] = true
					}
				}
				if len(others) != 1 { // the Runtime API, which is the Extensions API too
					t.Errorf("invocation %d: connected to %v besides the backend", i+1, others)
				}
				if i > 0 && toBackend != 1 {
					t.Errorf("invocation %d: %d connections to the backend, want the one that is kept", i+1, toBackend)
				}
			}
		})
	}
}

// socketsOfInvocations returns the sockets of a function's process in each of n invocations.
func socketsOfInvocations(t *testing.T, n int, variable string) (found [][]socket) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	env, err := lambdatest.New(lambdatest.Config{Env: []string{
		childMain + "=sockets", variable, "GORACE=atexit_sleep_ms=0",
	}}, lambdatest.Command(binary))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	}()
	for range n {
		resp, err := env.Invoke(t.Context(), lambdatest.Invocation{Payload: []byte("{}")})
		if err != nil || resp.FunctionError != "" {
			t.Fatalf("%+v, %v", resp, err)
		}
		if err := env.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
		var sockets []socket
		if err := json.Unmarshal(resp.Payload, &sockets); err != nil {
			t.Fatal(err)
		}
		found = append(found, sockets)
	}
	return found
}

// What the test would find, were it there.
func TestListeningSocketIsFound(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	unix, err := new(net.ListenConfig).Listen(t.Context(), "unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	sockets, err := reportSockets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []socket{{"tcp", true, "0.0.0.0:0"}, {"tcp", false, l.Addr().String()}, {"unix", true, ""}} {
		if !slices.Contains(sockets, want) {
			t.Errorf("no %+v in %s", want, fmt.Sprint(sockets))
		}
	}
}
