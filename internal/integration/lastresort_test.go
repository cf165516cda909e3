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
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// These spans are in the buffer when the end comes, and the backend is down. Their lines fit the default bound. A child with
// the race detector, on a busy machine, takes its time for a line.
const (
	lostSpans      = 500
	childLostSpans = 100
)

// lostMain is the crowd with its last resort on the stderr of an emulated process. A real one has the variable.
const lostMain = "last resort"

func init() {
	mains[lostMain] = func(m machine) {
		m.telemetry = append(m.telemetry, otelx.WithLastResort(m.stderr))
		mains["crowd"](m)
	}
}

// die is an invocation that leaves its spans behind, and the end of the environment, unless that is its own doing. It
// returns what the process wrote to its stderr, and its end.
func die(t *testing.T, config lambdatest.Config, program lambdatest.Program, e crowdEvent) (log []byte, exit lambdatest.Exit) {
	t.Helper()
	var stderr bytes.Buffer
	config.Stderr, config.Timeout, config.MemorySize = &stderr, patience, 1024
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
	if _, err := env.Invoke(ctx, lambdatest.Invocation{Payload: []byte(crowded(e).payload)}); err != nil {
		t.Fatal(err)
	}
	if err := env.WaitIdle(ctx); err != nil {
		t.Fatal(err)
	}
	if !e.kills() {
		if exit, err = env.Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
		return nil, exit
	}
	ended, err := env.Log().Wait(ctx, 0, func(e eventlog.Event) bool { return e.Kind == lambdatest.KindProcessExit })
	if err != nil {
		t.Fatal(err)
	}
	return nil, lambdatest.Exit{Code: ended.Count}
}

// checkFarewell compares what the agent says with the end of the process: all that is pending is in the log.
func checkFarewell(t *testing.T, log []byte, exit lambdatest.Exit, spans int) {
	t.Helper()
	if exit.Code != 0 || exit.Killed {
		t.Errorf("exit %+v, want 0 by itself", exit)
	}
	want := regexp.MustCompile(fmt.Sprintf(`graceful shutdown completed.*\bended=%d .*\bpending=0 .*\bspilled=%[1]d\b`, spans))
	if !want.Match(log) {
		t.Errorf("the log does not say that %d spans were written:\n%.2000s", spans, regexp.MustCompile(`(?m)^\{"resourceSpans".*$`).ReplaceAll(log, []byte("…")))
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
				log, exit := die(t, config, lambdatest.Func(func(p *lambdatest.Process) { mains[lostMain](emulated(p)) }), crowdEvent{Spans: lostSpans})
				checkFarewell(t, log, exit, lostSpans+1)
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
	t.Parallel()
	log, exit := dieAsChild(t, crowdEvent{Spans: childLostSpans})
	checkFarewell(t, log, exit, childLostSpans+1)
	checkReplay(t, log, childLostSpans+1)
}

// TestLastResortOfAProcessThatEndsItself: neither a panic nor a refused response leaves time for a shutdown, and so it is
// in a state in which nothing holds the environment.
func TestLastResortOfAProcessThatEndsItself(t *testing.T) {
	for _, do := range []string{"panic", "large"} {
		for _, signalOnly := range []string{"false", "true"} {
			t.Run(do+", signal-only "+signalOnly, func(t *testing.T) {
				t.Parallel()
				log, exit := dieAsChild(t, crowdEvent{Spans: childLostSpans, Do: do}, "EPILOGUE_SHUTDOWN_ONLY="+signalOnly)
				if exit.Code != 1 {
					t.Errorf("exit %+v, want 1", exit)
				}
				if want := fmt.Appendf(nil, "telemetry is spilled\" spilled=%d\n", childLostSpans+1); bytes.Count(log, want) != 1 {
					t.Errorf("the log does not say once that %d spans were written:\n%.2000s", childLostSpans+1, log)
				}
				checkReplay(t, log, childLostSpans+1)
			})
		}
	}
}

// TestLastResortIsNotForAnError: the process lives on, and Shutdown writes.
func TestLastResortIsNotForAnError(t *testing.T) {
	t.Parallel()
	log, exit := dieAsChild(t, crowdEvent{Spans: 10, Do: "fail"}, "EPILOGUE_SHUTDOWN_ONLY=true")
	if n := bytes.Count(log, []byte("is spilled")); n != 0 || exit.Code != 0 {
		t.Errorf("exit %+v, %d lines that something was written out", exit, n)
	}
	checkReplay(t, log, 11) // by Shutdown, once
}

// dieAsChild is die of a real process whose backend is down.
func dieAsChild(t *testing.T, e crowdEvent, env ...string) (log []byte, exit lambdatest.Exit) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return die(t, lambdatest.Config{
		ShutdownWindow: childWindow,
		Env: append([]string{
			childMain + "=crowd", "GORACE=atexit_sleep_ms=0", "EPILOGUE_LAST_RESORT=stderr",
			"EPILOGUE_SHUTDOWN_BUDGET=" + childBudget.String(),
			"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", // nobody listens there
		}, env...),
	}, lambdatest.Command(binary), e)
}

// checkReplay sends what a log holds to a backend, and compares how many spans arrive.
func checkReplay(t *testing.T, log []byte, want int) {
	t.Helper()
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
	if n := len(receiver.Spans()); n != want || receiver.Duplicates() != 0 {
		t.Errorf("%d spans arrived, %d twice; want %d once", n, receiver.Duplicates(), want)
	}
}
