package e2e

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of the test. It is long: a machine under load is no fault of the function's.
const patience = 30 * time.Second

// process is a child of the test whose standard error is read line by line.
type process struct {
	name    string
	cmd     *exec.Cmd
	exited  chan struct{} // closed when it has ended and all it wrote was read
	stopped bool          // stop was called; by the test's goroutine only

	mu      sync.Mutex
	lines   []string
	changed chan struct{} // closed and replaced at each line
	err     error         // of its end; set before exited is closed
}

// startProcess starts path with env added to the test's environment. It ends with the test at the latest.
func startProcess(t *testing.T, env []string, path string, args ...string) *process {
	t.Helper()
	p := &process{name: path, exited: make(chan struct{}), changed: make(chan struct{})}
	p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), path, args...)
	p.cmd.Env = append(os.Environ(), env...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.read(stderr)
	t.Cleanup(func() {
		if !p.stopped {
			_ = p.cmd.Process.Kill()
			<-p.exited
		}
	})
	return p
}

func (p *process) read(stderr io.Reader) {
	scan := bufio.NewScanner(stderr)
	for scan.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, scan.Text())
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
	p.err = p.cmd.Wait()
	close(p.exited)
}

// waitFor returns the first line that contains text.
func (p *process) waitFor(t *testing.T, text string) string {
	t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for seen := 0; ; {
		p.mu.Lock()
		lines, changed := p.lines, p.changed
		p.mu.Unlock()
		for ; seen < len(lines); seen++ {
			if strings.Contains(lines[seen], text) {
				return lines[seen]
			}
		}
		select {
		case <-changed:
		case <-p.exited:
			t.Fatalf("%s ended without a line %q: %v\n%s", p.name, text, p.err, strings.Join(lines, "\n"))
		case <-timeout.C:
			t.Fatalf("%s wrote no line %q\n%s", p.name, text, strings.Join(lines, "\n"))
		}
	}
}

// stop ends the process with SIGTERM and expects it to exit with status 0.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.stopped = true
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	timeout := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer timeout.Stop()
	<-p.exited
	if p.err != nil {
		t.Errorf("%s ended with %v:\n%s", p.name, p.err, strings.Join(p.lines, "\n"))
	}
}
