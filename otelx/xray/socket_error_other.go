//go:build !(linux || darwin)

package xray

import "net"

// pendingError is not available here; the next write returns the error.
func pendingError(net.Conn) error { return nil }
