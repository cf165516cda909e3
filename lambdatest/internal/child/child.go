//go:build unix

// Package child supervises a child process that runs a function: its start, freeze, signals and end.
package child

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// leftoverDelay is how long the output of an ended child is read while a process that it left behind keeps it open.
const leftoverDelay = time.Second

// Options describe a child.
type Options struct {
	Path           string
	Args           []string
	Env            []string // all of it
	Stdout, Stderr io.Writer
	Ended          func(code int, signal string) // called once, before Done is closed; code is -1 after a signal
}

// Process is a running child in a process group of its own. run owns cmd; other goroutines only send signals to its process.
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed by run
}

// Start starts a child. SIGSTOP freezes it and SIGCONT thaws it.
//
// If the calling process dies, the child dies too, frozen or not. On Linux the kernel kills it immediately. On other
// systems a stopped child gets the SIGHUP of an orphaned process group (POSIX).
func Start(o Options) (*Process, error) {
	p := &Process{ended: make(chan struct{})}
	p.cmd = exec.CommandContext(context.Background(), o.Path, o.Args...) // ended by signals, not by a context
	p.cmd.Env = o.Env
	p.cmd.Stdout, p.cmd.Stderr = o.Stdout, o.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = leftoverDelay
	dieWithParent(p.cmd.SysProcAttr)
	started := make(chan error, 1)
	go p.run(started, o.Ended)
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// run starts the child, reports the result on started, and waits for the end of the child and of its group. It keeps its
// thread until then: for PR_SET_PDEATHSIG (prctl(2)) the parent is the thread that started the child.
func (p *Process) run(started chan<- error, ended func(code int, signal string)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	_ = p.cmd.Wait() // the error is the exit status, which is read below
	p.toGroup(syscall.SIGKILL)
	state := p.cmd.ProcessState
	signal := ""
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		signal = status.Signal().String()
	}
	ended(state.ExitCode(), signal)
	close(p.ended)
}

func (p *Process) toGroup(sig syscall.Signal) {
	if err := syscall.Kill(-p.cmd.Process.Pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		_ = p.cmd.Process.Signal(sig) // no group: the child alone; an error means that it has ended
	}
}

// Freeze stops the child and its group.
func (p *Process) Freeze() { p.Signal(syscall.SIGSTOP) }

// Thaw continues them.
func (p *Process) Thaw() { p.Signal(syscall.SIGCONT) }

// Kill ends them.
func (p *Process) Kill() { p.Signal(syscall.SIGKILL) }

// Signal sends sig to them. It does nothing if the child has ended.
func (p *Process) Signal(sig os.Signal) {
	select {
	case <-p.ended:
	default:
		if s, ok := sig.(syscall.Signal); ok {
			p.toGroup(s)
		}
	}
}

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.ended }
