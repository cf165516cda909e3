package harness

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/otelx"
)

// Variables of the function's environment that only the harness reads.
const (
	childProgram    = "HARNESS_PROGRAM"    // in a child: the name of the program it runs
	ExtensionsDir   = "HARNESS_EXTENSIONS" // the folder that stands for /opt/extensions
	AwaitedMode     = "HARNESS_MODE"       // the agent's mode that a child waits for before it serves
	WithoutInitSpan = "HARNESS_NO_INIT"    // if set, no span of the initialization
)

// Process is what a program needs of the process it runs in, which is a real or an emulated one.
type Process struct {
	Getenv func(string) string
	Dial   func(ctx context.Context, network, address string) (net.Conn, error) // to the backend; nil: a net.Dialer's
	Serve  func(fn any)
	Exit   func(code int)
	Stderr io.Writer
	Ended  <-chan struct{} // closed when an emulated process has ended; nil in a real one

	emulated *lambdatest.Process // nil in a real one
}

// thisProcess is the process itself.
func thisProcess() Process {
	return Process{Getenv: os.Getenv, Serve: lambda.Start, Exit: os.Exit, Stderr: os.Stderr}
}

// Emulated is a process in memory.
func Emulated(p *lambdatest.Process) Process {
	return Process{
		Getenv: p.Getenv, Dial: p.Dial, Serve: p.Serve, Exit: p.Exit, Stderr: p.Stderr(), Ended: p.Context().Done(), emulated: p,
	}
}

// Telemetry returns the options of otelx.New for this process.
func (p Process) Telemetry() (opts []otelx.Option) {
	if p.emulated != nil {
		opts = append(opts, otelx.WithGetenv(p.Getenv))
	}
	if p.Dial != nil {
		opts = append(opts, otelx.WithDialer(p.Dial))
	}
	return opts
}

// Agent returns the options of agent.Start for this process. The agent logs in JSON.
func (p Process) Agent() []agent.Option {
	process := agent.Process{ExtensionsDir: p.Getenv(ExtensionsDir)}
	if e := p.emulated; e != nil {
		process.Getenv, process.Dial, process.Exit, process.Done = e.Getenv, e.Dial, e.Exit, p.Ended
		process.Notify, process.StopNotify = e.Notify, e.StopNotify
	}
	return []agent.Option{agent.WithLogger(slog.New(slog.NewJSONHandler(p.Stderr, nil))), agent.WithProcess(process)}
}

// Handler returns the options of handler.Wrap for this process.
func (p Process) Handler() (opts []handler.Option) {
	if p.emulated != nil {
		opts = append(opts, handler.WithProcess(handler.Process{Getenv: p.Getenv, Began: time.Now()}))
	}
	if p.Getenv(WithoutInitSpan) != "" {
		opts = append(opts, handler.WithoutInitSpan())
	}
	return opts
}

// Pause lets d pass, unless the process ends.
func (p Process) Pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.Ended:
	}
}

// Main runs the program that the parent has named, and does not return, if this process is a child. TestMain calls it
// first.
func Main() {
	if name := os.Getenv(childProgram); name != "" {
		Programs[name](thisProcess())
		os.Exit(0)
	}
}
