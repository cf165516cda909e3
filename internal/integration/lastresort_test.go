package integration

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/epilogue-go/epilogue/internal/memnet"
	"github.com/epilogue-go/epilogue/internal/replay"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// lostSpans are in the buffer when the end comes, and the backend is down. Their lines fit the default bound.
const lostSpans = 500

// lostMain is the crowd with its last resort on the stderr of an emulated process. A real one has the variable.
const lostMain = "last resort"

func init() {
	mains[lostMain] = func(m machine) {
		m.telemetry = append(m.telemetry, otelx.WithLastResort(m.stderr))
		mains["crowd"](m)
	}
}

// die is an invocation that leaves its spans behind, and the end of the environment. It returns what the process wrote to
// its stderr, and its end.
func die(t *testing.T, config lambdatest.Config, program lambdatest.Program) (log []byte, exit lambdatest.Exit) {
	t.Helper()
	var stderr bytes.Buffer
	config.Stderr, config.Timeout, config.MemorySize = &stderr, timeout, 1024
	config.Env = append(config.Env, "EPILOGUE_FLUSH_TIMEOUT=300ms")
	env, err := lambdatest.New(config, program)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := env.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		log = stderr.Bytes()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	payload := fmt.Appendf(nil, `{"spans":%d}`, lostSpans)
	if _, err := env.Invoke(ctx, lambdatest.Invocation{Payload: payload}); err != nil {
		t.Fatal(err)
	}
	if err := env.WaitIdle(ctx); err != nil {
		t.Fatal(err)
	}
	if exit, err = env.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	return nil, exit
}

// checkFarewell compares what the agent says with the end of the process: all that is pending is in the log.
func checkFarewell(t *testing.T, log []byte, exit lambdatest.Exit) {
	t.Helper()
	if exit.Code != 0 || exit.Killed {
		t.Errorf("exit %+v, want 0 by itself", exit)
	}
	want := regexp.MustCompile(fmt.Sprintf(`graceful shutdown completed.*\bended=%d .*\bpending=%[1]d .*\bwritten_out=%[1]d\b`, lostSpans+1))
	if !want.Match(log) {
		t.Errorf("the log does not say that %d spans were written:\n%.2000s", lostSpans+1, regexp.MustCompile(`(?m)^\{"resourceSpans".*$`).ReplaceAll(log, []byte("…")))
	}
}

// TestLastResortInTheWindow: with a backend that hangs, all lines are out before SIGKILL, in either window.
func TestLastResortInTheWindow(t *testing.T) {
	for _, window := range []time.Duration{500 * time.Millisecond, 300 * time.Millisecond} {
		t.Run(window.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := new(memnet.Network)
				receiver := otlpreceiver.New(otlpreceiver.Config{})
				receiver.SetFault(hanging)
				l, err := network.Listen(collectorAddress)
				if err != nil {
					t.Fatal(err)
				}
				if err := receiver.Serve(l); err != nil {
					t.Fatal(err)
				}
				config := lambdatest.Config{Network: network, Env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + receiver.Endpoint()}}
				if window == 300*time.Millisecond {
					config.ExternalExtensions = []lambdatest.ExternalExtension{{Name: "neighbour"}}
					config.Env = append(config.Env, extensionsDir+"="+neighbour(t))
				}
				log, exit := die(t, config, lambdatest.Func(func(p *lambdatest.Process) { mains[lostMain](emulated(p)) }))
				checkFarewell(t, log, exit)
				if exit.Took >= window {
					t.Errorf("the process ended after %v, want less than %v", exit.Took, window)
				}
				in, err := replay.Read(bytes.NewReader(log), func(*tracepb.TracesData) error { return nil })
				if err != nil || in.Documents == 0 || in.Broken > 0 {
					t.Errorf("the log has %+v: %v", in, err)
				}
				if err := receiver.Close(); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Minute) // what a killed process was waiting for comes to its end
			})
		})
	}
}

// TestLastResortReplayed: a real process without its backend leaves its spans on its stderr, and from there each of them
// reaches another backend once.
func TestLastResortReplayed(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log, exit := die(t, lambdatest.Config{
		ShutdownWindow: childWindow,
		Env: []string{
			childMain + "=crowd", "GORACE=atexit_sleep_ms=0", "EPILOGUE_LAST_RESORT=stderr",
			"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", // nobody listens there
		},
	}, lambdatest.Command(binary))
	checkFarewell(t, log, exit)

	receiver := otlpreceiver.New(otlpreceiver.Config{})
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := receiver.Serve(l); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = receiver.Close() }() // the spans are in
	settings, err := replay.ParseSettings(func(string) string { return "" }, receiver.Endpoint()+"/v1/traces")
	if err != nil {
		t.Fatal(err)
	}
	sender := replay.NewSender(settings)
	defer sender.Close()
	in, err := replay.Read(bytes.NewReader(log), func(d *tracepb.TracesData) error { return sender.Add(t.Context(), d) })
	if err != nil || in.Broken > 0 || in.Without == 0 {
		t.Errorf("the log has %+v: %v", in, err)
	}
	if err := sender.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(receiver.Spans()); n != lostSpans+1 || receiver.Duplicates() != 0 {
		t.Errorf("%d spans arrived, %d twice; want %d once", n, receiver.Duplicates(), lostSpans+1)
	}
}
