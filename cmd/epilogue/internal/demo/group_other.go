//go:build !unix

package demo

import (
	"os/exec"
	"time"
)

// inOwnGroup lets the end of the command's context kill the command.
func inOwnGroup(cmd *exec.Cmd) { cmd.WaitDelay = 5 * time.Second }
