//go:build !unix

package child

import (
	"os"
	"os/exec"
)

// CanFreeze reports whether Freeze and SIGTERM have an effect on this system.
const CanFreeze = false

func prepare(*exec.Cmd) {}

func keepThread() (release func()) { return func() {} }

// Freeze does nothing: the system has no signal that stops a process.
func (p *Process) Freeze() {}

// Thaw does nothing.
func (p *Process) Thaw() {}

// toGroup ends the child for os.Kill. The system delivers no other signal.
func (p *Process) toGroup(sig os.Signal) { _ = p.cmd.Process.Signal(sig) }

func outcome(state *os.ProcessState) (code int, signal string) { return state.ExitCode(), "" }
