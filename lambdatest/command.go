//go:build unix

package lambdatest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Command returns a Program that runs the executable at path as a child process, in a process group of its own. The
// child's environment has only the service's variables and Config.Env. The child reaches the APIs over TCP on a free
// loopback port. SIGSTOP freezes it and SIGCONT thaws it.
//
// If the calling process dies, the child dies too, frozen or not. On Linux the kernel kills it immediately. On other
// systems a stopped child gets the SIGHUP of an orphaned process group (POSIX), and a running one loses the Runtime API.
func Command(path string, args ...string) Program { return command{path: path, args: args} }

type command struct {
	path string
	args []string
}

func (c command) String() string {
	return strings.Join(append([]string{filepath.Base(c.path)}, c.args...), " ")
}

// leftoverDelay is how long the output of an ended function is read while a process that it left behind keeps it open.
const leftoverDelay = time.Second

func (c command) start(b boot) (process, error) {
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve the Lambda APIs: %w", err)
	}
	child := &childProcess{ended: make(chan struct{})}
	child.cmd = exec.CommandContext(context.Background(), c.path, c.args...) // ended by signals, not by a context
	child.cmd.Env = b.variables(l.Addr().String())
	child.cmd.Stdout, child.cmd.Stderr = b.stdout, b.stderr
	child.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	child.cmd.WaitDelay = leftoverDelay
	dieWithParent(child.cmd.SysProcAttr)
	started := make(chan error, 1)
	go child.run(started, b.ended)
	if err := <-started; err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("run %s: %w", c.path, err)
	}
	child.api = serveAPI(l, b.api)
	return child, nil
}

// childProcess is a running child. run owns cmd; other goroutines only send signals to its process.
type childProcess struct {
	cmd   *exec.Cmd
	api   *apiServer
	ended chan struct{} // closed by run
}

// run starts the child, reports the result on started, and waits for the end of the child and of its group. It keeps its
// thread until then: for PR_SET_PDEATHSIG (prctl(2)) the parent is the thread that started the child.
func (p *childProcess) run(started chan<- error, ended func(code int, signal string)) {
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

func (p *childProcess) toGroup(sig syscall.Signal) {
	if err := syscall.Kill(-p.cmd.Process.Pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		_ = p.cmd.Process.Signal(sig) // no group: the child alone; an error means that it has ended
	}
}

func (p *childProcess) freeze() { p.signal(syscall.SIGSTOP) }
func (p *childProcess) thaw()   { p.signal(syscall.SIGCONT) }
func (p *childProcess) kill()   { p.signal(syscall.SIGKILL) }

func (p *childProcess) signal(sig os.Signal) {
	select {
	case <-p.ended:
	default:
		if s, ok := sig.(syscall.Signal); ok {
			p.toGroup(s)
		}
	}
}

func (p *childProcess) done() <-chan struct{} { return p.ended }

func (p *childProcess) close() {
	<-p.ended
	p.api.close()
}
