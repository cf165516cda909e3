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

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest/xraydaemon"
)

func init() {
	harness.Programs["sockets"] = func(p harness.Process) { harness.Start(p).Serve(reportSockets) }
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

// Nothing of ours listens, and a function's process is connected to the Runtime API and to its backend alone.
func TestNoListeningSocket(t *testing.T) {
	t.Run("endpoint", func(t *testing.T) {
		withChild(t, scenario{Program: "sockets", Unchecked: true, Steps: steps(func(r *run) {
			sockets(3, "tcp", strings.TrimPrefix(r.Receiver.Endpoint(), "http://"))(r)
		}, shutdown)})
	})
	t.Run("X-Ray daemon", func(t *testing.T) {
		daemon := xraydaemon.New(xraydaemon.Config{})
		if err := daemon.Listen("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		withChild(t, scenario{
			Program: "sockets", Unchecked: true, Steps: steps(sockets(3, "udp", daemon.Address()), shutdown),
			Listen: func(r *run) ([]string, func()) {
				return []string{"AWS_XRAY_DAEMON_ADDRESS=" + daemon.Address()}, func() { r.Error(daemon.Close()) }
			},
		})
	})
}

// sockets compares the sockets of a process in each of n invocations. From the second on there is one connection to the
// backend, which is kept.
func sockets(n int, table, backend string) step {
	return func(r *run) {
		for i := range n {
			invoke(call{Name: "sockets", Payload: "{}", Inspect: func(payload []byte) error {
				var found []socket
				if err := json.Unmarshal(payload, &found); err != nil {
					return err
				}
				return checkSockets(found, table, backend, i > 0)
			}})(r)
		}
	}
}

func checkSockets(found []socket, table, backend string, kept bool) (errs error) {
	toBackend, others := 0, map[string]bool{}
	for _, s := range found {
		switch kind := strings.TrimSuffix(s.Table, "6"); {
		case !s.Listen && kind == table && s.Remote == backend:
			toBackend++
		case s.Listen || kind != "tcp":
			errs = errors.Join(errs, fmt.Errorf("socket %+v", s))
		default:
			others[s.Remote] = true
		}
	}
	if len(others) != 1 { // the Runtime API, which is the Extensions API too
		errs = errors.Join(errs, fmt.Errorf("connected to %v besides the backend", others))
	}
	if kept && toBackend != 1 {
		errs = errors.Join(errs, fmt.Errorf("%d connections to the backend, want the one that is kept", toBackend))
	}
	return errs
}

// The test finds sockets that listen.
func TestListeningSocketIsFound(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		address := map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "s")}[network]
		l, err := new(net.ListenConfig).Listen(t.Context(), network, address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		found, err := reportSockets(t.Context())
		if !slices.ContainsFunc(found, func(s socket) bool { return s.Table == network && s.Listen }) {
			t.Errorf("no socket of %s that listens in %+v, %v", network, found, err)
		}
	}
}
