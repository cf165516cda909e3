//go:build unix

package demo

import (
	"os/exec"
	"syscall"
	"time"
)

// inOwnGroup keeps a terminal's Ctrl-C from the command and its children. The end of the command's context sends SIGINT
// to the whole group; WaitDelay later the command is killed.
func inOwnGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 5 * time.Second
}
