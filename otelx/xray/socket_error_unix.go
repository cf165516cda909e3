//go:build linux || darwin

package xray

import (
	"net"
	"syscall"
)

// pendingError returns and clears the socket's error about datagrams sent on conn. On the same machine the kernel sets it before a
// write returns (udp(7), connect: ICMP errors).
func pendingError(conn net.Conn) error {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	code, failed := 0, error(nil)
	err = raw.Control(func(fd uintptr) {
		code, failed = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR)
	})
	switch {
	case err != nil:
		return err
	case failed != nil || code == 0:
		return failed
	}
	return syscall.Errno(code)
}
