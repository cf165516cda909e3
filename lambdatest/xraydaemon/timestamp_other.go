//go:build !linux

package xraydaemon

import (
	"net"
	"time"
)

// stamped returns conn such that it tells when a datagram was read.
func stamped(conn net.PacketConn) func(b []byte) (int, net.Addr, time.Time, error) {
	return unstamped(conn)
}
