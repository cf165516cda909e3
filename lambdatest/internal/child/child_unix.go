//go:build unix

package child

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// CanFreeze reports whether Freeze and SIGTERM have an effect on this system.
const CanFreeze = true

// prepare puts the child into a process group of its own, which dies with the calling process.
func prepare(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
}

// keepThread keeps the goroutine on its thread until the returned function is called: for PR_SET_PDEATHSIG (prctl(2)) the
// parent is the thread that started the child.
func keepThread() (release func()) {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

// Freeze stops the child and its group.
func (p *Process) Freeze() { p.Signal(syscall.SIGSTOP) }

// Thaw continues them.
func (p *Process) Thaw() { p.Signal(syscall.SIGCONT) }

func (p *Process) toGroup(sig os.Signal) {
	s, ok := sig.(syscall.Signal)
	if !ok {
		return
	}
	if err := syscall.Kill(-p.cmd.Process.Pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		_ = p.cmd.Process.Signal(s) // no group: the child alone; an error means that it has ended
	}
}

// outcome returns the exit code of a child, or -1 and the signal that ended it.
func outcome(state *os.ProcessState) (code int, signal string) {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		signal = status.Signal().String()
	}
	return state.ExitCode(), signal
}
