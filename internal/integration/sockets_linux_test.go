package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
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

const listens = -1

// reportSockets is a function that answers with the ports to which the sockets of its process are connected, or listens, as
// Linux lists them (proc(5), /proc/pid/net).
func reportSockets(context.Context) (ports []int, err error) {
	links, err := filepath.Glob("/proc/self/fd/*")
	inodes := map[string]bool{}
	for _, link := range links {
		target, _ := os.Readlink(link) // an error: it has been closed since
		inodes[strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]")] = true
	}
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6", "unix"} {
		lines, _ := os.ReadFile("/proc/self/net/" + table) // an error: no such protocol in this kernel
		for line := range strings.Lines(string(lines)) {
			fields := strings.Fields(line)
			const inode, unixInode = 9, 6
			switch {
			case table == "unix" && len(fields) > unixInode && inodes[fields[unixInode]]:
				ports = append(ports, listens)
			case table != "unix" && len(fields) > inode && inodes[fields[inode]]:
				_, text, _ := strings.Cut(fields[2], ":") // the remote address; that of a socket that listens has port 0
				port, _ := strconv.ParseInt(text, 16, 32)
				if port == 0 {
					port = listens
				}
				ports = append(ports, int(port))
			}
		}
	}
	return ports, err
}

// Nothing of ours listens, and a function's process is connected to the Runtime API and to its backend alone.
func TestNoListeningSocket(t *testing.T) {
	t.Run("endpoint", func(t *testing.T) {
		withChild(t, scenario{Program: "sockets", Unchecked: true, Steps: steps(func(r *run) {
			sockets(r.Receiver.Endpoint())(r)
		}, shutdown)})
	})
	t.Run("X-Ray daemon", func(t *testing.T) {
		daemon := xraydaemon.New(xraydaemon.Config{})
		if err := daemon.Listen("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		withChild(t, scenario{
			Program: "sockets", Unchecked: true, Steps: steps(sockets(daemon.Address()), shutdown),
			Listen: func(r *run) ([]string, func()) {
				return []string{"AWS_XRAY_DAEMON_ADDRESS=" + daemon.Address()}, func() { r.Error(daemon.Close()) }
			},
		})
	})
}

// sockets compares the sockets of a process in each of three invocations. From the second on there is a connection to the
// backend, which is kept.
func sockets(backend string) step {
	_, text, _ := strings.Cut(strings.TrimPrefix(backend, "http://"), ":")
	port, _ := strconv.Atoi(text)
	return func(r *run) {
		for i := range 3 {
			invoke(call{Name: "sockets", Payload: "{}", Inspect: func(payload []byte) error {
				var found []int
				err := json.Unmarshal(payload, &found)
				others := slices.DeleteFunc(slices.Sorted(slices.Values(found)), func(p int) bool { return p == port })
				others = slices.Compact(others)
				// The Runtime API is the Extensions API too.
				if kept := slices.Contains(found, port); err != nil || len(others) != 1 || others[0] == listens || i > 0 && !kept {
					return fmt.Errorf("sockets on the ports %v (%d: it listens), the backend is on %d: %w", found, listens, port, err)
				}
				return nil
			}})(r)
		}
	}
}

func TestListeningSocketIsFound(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		address := map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "s")}[network]
		l, err := new(net.ListenConfig).Listen(t.Context(), network, address)
		if err != nil {
			t.Fatal(err)
		}
		found, err := reportSockets(t.Context())
		if !slices.Contains(found, listens) {
			t.Errorf("no socket of %s listens in %v, %v", network, found, err)
		}
		_ = l.Close()
	}
}
