package lambdatest

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"github.com/epilogue-go/epilogue/lambdatest/internal/api"
	"github.com/epilogue-go/epilogue/lambdatest/internal/child"
)

// FreezesCommands reports whether this system can stop a child process and send it SIGTERM. Otherwise, as on Windows, the
// process of a [Command] runs between invocations too, and ends without a signal after the window.
const FreezesCommands = child.CanFreeze

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

func (c command) start(b boot) (process, error) {
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve the Lambda APIs: %w", err)
	}
	p, err := child.Start(child.Options{
		Path: c.path, Args: c.args, Env: b.variables(l.Addr().String()), Stdout: b.stdout, Stderr: b.stderr, Ended: b.ended,
	})
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("run %s: %w", c.path, err)
	}
	return &childProcess{p, api.Serve(l, b.api)}, nil
}

// childProcess is a child and the server of its APIs.
type childProcess struct {
	*child.Process

	server *api.Server
}

func (p *childProcess) close() {
	<-p.Done()
	p.server.Close()
}
