package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/internal/replay"
	"github.com/epilogue-go/epilogue/internal/spill/lines"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// So many spans are pending when the process ends, and the backend is down. Their lines fit the default bound. A child
// with the race detector, on a busy machine, takes its time for a line.
const (
	spilledSpans      = 500
	childSpilledSpans = 100
)

// spillingFunction spills to the standard error of an emulated process. For a real one there is the variable.
func spillingFunction(p harness.Process) {
	f := harness.Start(p, otelx.WithSpill(p.Stderr))
	f.Serve(f.Handle)
}

// spilled compares the spans in the log: each is there once, and one line says how many they are.
func spilled(want int) step {
	return func(r *run) {
		ids, total := make(map[string]bool), 0
		in, err := readLog(r, func(d *tracepb.TracesData) error {
			for _, resource := range d.ResourceSpans {
				for _, scope := range resource.ScopeSpans {
					for _, span := range scope.Spans {
						ids[string(span.SpanId)] = true
						total++
					}
				}
			}
			return nil
		})
		if err != nil || in.Broken > 0 || len(ids) != want || total != want {
			r.Errorf("the log has %d spans, %d of them different, want %d: %+v, %v", total, len(ids), want, in, err)
		}
		if said := r.Events().Lines(fmt.Sprintf(`"spilled":%d`, want)); len(said) != 1 {
			r.Errorf("%d lines say that %d spans were spilled", len(said), want)
		}
	}
}

func readLog(r *run, yield func(*tracepb.TracesData) error) (lines.Input, error) {
	return lines.Read(strings.NewReader(strings.Join(r.Events().Lines(""), "\n")), yield)
}

// With a backend that hangs, all lines are out before SIGKILL, in the window of 500 ms and in that of 300 ms.
func TestSpillInTheWindow(t *testing.T) {
	for _, external := range []bool{false, true} {
		t.Run(fmt.Sprintf("external extension %t", external), func(t *testing.T) {
			t.Parallel()
			total := spilledSpans + 3 // work, the invocation, the initialization
			sc := scenario{
				Main: spillingFunction, Env: []string{"EPILOGUE_FLUSH_TIMEOUT=300ms"}, Allow: allow{Lost: total},
				Steps: steps(backend(hanging), invoke(early(heldAtMost(many(spilledSpans), 300*ms))), shutdown, spilled(total)),
			}
			if external {
				withExternalExtension(t, &sc)
			}
			inMemory(t, sc)
		})
	}
}

// down runs a child whose backend is down. It spills its spans to its standard error.
func down(t *testing.T, lost int, env []string, s ...step) {
	t.Helper()
	t.Parallel()
	withChild(t, scenario{
		Config: lambdatest.Config{Timeout: time.Minute}, // to encode and post 6 MB takes seconds on a busy machine
		Env: append([]string{
			"EPILOGUE_SPILL=stderr", "EPILOGUE_FLUSH_TIMEOUT=300ms", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1",
		}, env...),
		Allow: allow{Lost: lost}, Steps: append(s, func(r *run) {
			r.Wait(0, harness.Line(`"spilled":`)) // the lines of a child come through a pipe
		}, spilled(lost)),
	})
}

// From the log of a process without its backend, each span reaches another backend once.
func TestSpilledSpansAreReplayed(t *testing.T) {
	const total = childSpilledSpans + 3
	down(t, total, nil, invoke(many(childSpilledSpans)), shutdown, func(r *run) {
		receiver := otlpreceiver.New(otlpreceiver.Config{})
		r.Error(receiver.Listen("127.0.0.1:0"))
		defer func() { _ = receiver.Close() }() // everything has arrived
		cfg, err := replay.ReadSettings(func(string) string { return "" }, receiver.Endpoint()+"/v1/traces")
		r.Error(err)
		sender := replay.NewSender(cfg)
		defer func() { _ = sender.Close() }()
		_, err = readLog(r, func(d *tracepb.TracesData) error { return sender.Add(r.Context(), d) })
		r.Error(err)
		r.Error(sender.Flush(r.Context()))
		if n := len(receiver.Spans()); n != total || receiver.Duplicates() != 0 {
			r.Errorf("%d spans arrived, %d twice; want %d once", n, receiver.Duplicates(), total)
		}
	})
}

// Neither a panic nor a refused response leaves time for a shutdown, so the spans are spilled before the exit, also if
// nothing holds the environment.
func TestSpillOfAProcessThatEndsItself(t *testing.T) {
	for _, c := range []call{panics, tooLarge} {
		do := map[string]string{panics.Name: "panic", tooLarge.Name: "large text"}[c.Name]
		c.Payload = command{Do: do, Spans: childSpilledSpans, Pause: handlerTime, Size: harness.TooLarge}.Payload()
		c.Spans += childSpilledSpans
		for _, env := range [][]string{nil, {shutdownOnly}} {
			t.Run(fmt.Sprint(c.Name, " ", env), func(t *testing.T) {
				down(t, childSpilledSpans+3, env, harness.InvokeToExit(c))
			})
		}
	}
}

// After an error the process lives on, and only Shutdown spills, once.
func TestNoSpillAfterAnError(t *testing.T) {
	down(t, 3, []string{shutdownOnly}, invoke(fails), func(r *run) {
		if lines := r.Events().Lines("undelivered telemetry is spilled"); len(lines) != 0 {
			r.Errorf("spilled before the shutdown: %q", lines)
		}
	}, shutdown)
}
