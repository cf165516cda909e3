package integration

import (
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/otelx"
)

// extensionsDir names, in the environment of a process in memory, the folder that stands for /opt/extensions.
const extensionsDir = "INTEGRATION_EXTENSIONS"

// awaitedState names, in the environment of a child, the agent's state that it waits for before it serves.
const awaitedState = "INTEGRATION_STATE"

// machine is what a main needs of the process it runs in, in either form.
type machine struct {
	telemetry []otelx.Option
	agent     []agent.Option
	handler   []handler.Option
	serve     func(fn any)
	stderr    io.Writer
	awaits    string          // the agent's state that main waits for before it serves; empty: none
	ended     <-chan struct{} // closed when an emulated process has ended; nil in a real one, which takes its goroutines along
}

// thisProcess is the process itself: nothing has to be told about it, as in a user's main.
func thisProcess() machine {
	return machine{serve: lambda.Start, stderr: os.Stderr, awaits: os.Getenv(awaitedState)}
}

// emulated is a process in memory.
func emulated(p *lambdatest.Process) machine {
	return machine{
		telemetry: []otelx.Option{otelx.WithGetenv(p.Getenv), otelx.WithDialer(p.Dial)},
		agent: []agent.Option{
			agent.WithLogger(slog.New(slog.NewTextHandler(p.Stderr(), nil))),
			agent.WithProcess(agent.Process{
				Getenv: p.Getenv, Dial: p.Dial, Notify: p.Notify, StopNotify: p.StopNotify, Exit: p.Exit, Done: p.Context().Done(),
				ExtensionsDir: p.Getenv(extensionsDir),
			}),
		},
		handler: []handler.Option{handler.WithProcess(handler.Process{Getenv: p.Getenv, Began: time.Now()})},
		serve:   p.Serve,
		stderr:  p.Stderr(),
		ended:   p.Context().Done(),
	}
}
