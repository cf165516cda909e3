//go:build unix && !linux

package lambdatest

import "syscall"

// dieWithParent does nothing: only Linux can end a child with its parent.
func dieWithParent(*syscall.SysProcAttr) {}
