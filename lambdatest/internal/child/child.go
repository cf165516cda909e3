// Package child supervises a child process that runs a function: its start, freeze, signals and end.
package child

import (
	"context"
	"io"
	"os"
	"os/exec"
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
//
// If the calling process dies, the child dies too, frozen or not. On Linux the kernel kills it immediately. On other Unix
// systems a stopped child gets the SIGHUP of an orphaned process group (POSIX).
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed by run
}

// Start starts a child. The error of a file that the system does not run says what the file is.
func Start(o Options) (*Process, error) {
	p := &Process{ended: make(chan struct{})}
	p.cmd = exec.CommandContext(context.Background(), o.Path, o.Args...) // ended by signals, not by a context
	p.cmd.Env = o.Env
	p.cmd.Stdout, p.cmd.Stderr = o.Stdout, o.Stderr
	p.cmd.WaitDelay = leftoverDelay
	prepare(p.cmd)
	started := make(chan error, 1)
	go p.run(started, o.Ended)
	if err := <-started; err != nil {
		return nil, explain(o.Path, err)
	}
	return p, nil
}

// run starts the child, reports the result on started, and waits for the end of the child and of its group.
func (p *Process) run(started chan<- error, ended func(code int, signal string)) {
	defer keepThread()()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	_ = p.cmd.Wait() // the error is the exit status, which is read below
	p.toGroup(os.Kill)
	code, signal := outcome(p.cmd.ProcessState)
	ended(code, signal)
	close(p.ended)
}

// Kill ends the child and its group.
func (p *Process) Kill() { p.Signal(os.Kill) }

// Signal sends sig to the child and its group. It does nothing if the child has ended.
func (p *Process) Signal(sig os.Signal) {
	select {
	case <-p.ended:
	default:
		p.toGroup(sig)
	}
}

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.ended }
