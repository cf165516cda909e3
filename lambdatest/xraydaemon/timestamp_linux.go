package xraydaemon

import (
	"encoding/binary"
	"net"
	"strconv"
	"syscall"
	"time"
)

// stamped returns conn with the kernel's receive times. On a busy machine a goroutine may read a datagram much later. The
// function may be frozen by then, and would seem to send while frozen.
func stamped(conn net.PacketConn) func(b []byte) (int, net.Addr, time.Time, error) {
	udp, ok := conn.(*net.UDPConn)
	if !ok || strconv.IntSize != 64 || !askForStamps(udp) {
		return unstamped(conn)
	}
	control := make([]byte, 64)
	return func(b []byte) (int, net.Addr, time.Time, error) {
		n, controls, _, from, err := udp.ReadMsgUDP(b, control)
		return n, from, stampIn(control[:controls]), err
	}
}

func askForStamps(conn *net.UDPConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	failed := error(nil)
	err = raw.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_TIMESTAMP, 1)
	})
	return err == nil && failed == nil
}

// stampIn returns the time in a control message (socket(7), SO_TIMESTAMP: a timeval), or now if there is none.
func stampIn(control []byte) time.Time {
	messages, err := syscall.ParseSocketControlMessage(control)
	if err != nil {
		return time.Now()
	}
	for _, m := range messages {
		if m.Header.Level == syscall.SOL_SOCKET && m.Header.Type == syscall.SCM_TIMESTAMP && len(m.Data) >= 16 {
			seconds, micros := binary.NativeEndian.Uint64(m.Data), binary.NativeEndian.Uint64(m.Data[8:])
			return time.Unix(int64(seconds), int64(micros)*1000)
		}
	}
	return time.Now()
}
