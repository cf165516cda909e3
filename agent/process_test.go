package agent_test

import (
	"context"
	"net"
	"os"
	"testing"

	"github.com/epilogue-go/epilogue/agent"
)

// nowhere is a process outside Lambda in which nothing may be touched.
func nowhere(t *testing.T) agent.Process {
	t.Helper()
	return agent.Process{
		Getenv: func(string) string { return "" },
		Dial: func(_ context.Context, _, address string) (net.Conn, error) {
			t.Errorf("dials %s", address)
			return nil, errRefused
		},
		Notify:        func(chan<- os.Signal, ...os.Signal) { t.Error("takes over signals") },
		StopNotify:    func(chan<- os.Signal) { t.Error("stops signals") },
		Exit:          func(code int) { t.Errorf("exits with %d", code) },
		ExtensionsDir: t.TempDir(),
	}
}

// inLambda is the environment of a process in Lambda.
func inLambda(key string) string {
	if key == "AWS_LAMBDA_RUNTIME_API" {
		return "169.254.100.1:9001"
	}
	return ""
}

func refusedDial(context.Context, string, string) (net.Conn, error) { return nil, errRefused }

func noNotify(chan<- os.Signal, ...os.Signal) {}

func noStop(chan<- os.Signal) {}

// hangingPlatform is a process whose platform never answers. It hands over the channel of the signals, and the code it
// is made to exit with; its Exit returns.
func hangingPlatform(t *testing.T, signals chan<- chan<- os.Signal, exited chan<- int) agent.Process {
	t.Helper()
	p := nowhere(t)
	p.Getenv = inLambda
	p.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	p.Notify = func(c chan<- os.Signal, _ ...os.Signal) { signals <- c }
	p.StopNotify = noStop
	p.Exit = func(code int) { exited <- code }
	return p
}
