package child

import "syscall"

// dieWithParent makes the kernel kill the child when the calling process dies, frozen or not.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
