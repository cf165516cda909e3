package integration

import (
	"fmt"
	"strings"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/internal/replay"
	"github.com/epilogue-go/epilogue/internal/spill/lines"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// So many spans are pending when the process ends, and the backend is down. Their lines fit the default bound. A child
// with the race detector, on a busy machine, takes its time for a line.
const (
	spilledSpans      = 500
	childSpilledSpans = 100

	spillToStderr   = "EPILOGUE_SPILL=stderr"
	shortFlushSpill = "EPILOGUE_FLUSH_TIMEOUT=300ms"
)

// spillingFunction spills to the standard error of an emulated process. For a real one there is the variable.
func spillingFunction(p harness.Process) {
	f := harness.Start(p, otelx.WithSpill(p.Stderr))
	f.Serve(f.Handle)
}

// allSpilled compares the agent's last line: everything is in the log.
func allSpilled(spans int) step {
	return func(r *run) {
		for _, text := range r.Events().Lines("graceful shutdown") {
			line, ok := harness.ParseShutdownLine(text)
			if n := line.Counts; !ok || n.Ended != int64(spans) || n.Spilled != int64(spans) || n.Exported != 0 || n.Dropped != 0 {
				r.Errorf("the last line does not say that %d spans were spilled: %s", spans, text)
			}
		}
	}
}

// replayed sends the spans in the log to a backend, and compares how many arrive. Each arrives once.
func replayed(spans int) step {
	return func(r *run) {
		log := strings.NewReader(strings.Join(r.Events().Lines(""), "\n"))
		receiver := otlpreceiver.New(otlpreceiver.Config{})
		r.Error(receiver.Listen("127.0.0.1:0"))
		defer func() { _ = receiver.Close() }() // everything has arrived
		cfg, err := replay.ReadSettings(func(string) string { return "" }, receiver.Endpoint()+"/v1/traces")
		r.Error(err)
		sender := replay.NewSender(cfg)
		defer func() { _ = sender.Close() }()
		in, err := lines.Read(log, func(d *tracepb.TracesData) error { return sender.Add(r.Context(), d) })
		if err != nil || in.Broken > 0 || in.Without == 0 {
			r.Errorf("the log has %+v: %v", in, err)
		}
		r.Error(sender.Flush(r.Context()))
		if n := len(receiver.Spans()); n != spans || receiver.Duplicates() != 0 {
			r.Errorf("%d spans arrived, %d twice; want %d once", n, receiver.Duplicates(), spans)
		}
	}
}

// With a backend that hangs, all lines are out before SIGKILL, in the window of 500 ms and in that of 300 ms.
func TestSpillInTheWindow(t *testing.T) {
	for _, external := range []bool{false, true} {
		t.Run(fmt.Sprintf("external extension %t", external), func(t *testing.T) {
			t.Parallel()
			total := spilledSpans + 3 // work, the invocation, the initialization
			sc := scenario{
				Main: spillingFunction, Env: []string{shortFlushSpill}, Allow: allow{Lost: total},
				Steps: steps(backend(hanging), invoke(early(heldAtMost(many(spilledSpans), 300*ms))), shutdown,
					allSpilled(total), readable),
			}
			if external {
				withExternalExtension(t, &sc)
			}
			inMemory(t, sc)
		})
	}
}

// readable: the reader of `epilogue replay` finds the lines in the log.
func readable(r *run) {
	log := strings.Join(r.Events().Lines(""), "\n")
	in, err := lines.Read(strings.NewReader(log), func(*tracepb.TracesData) error { return nil })
	if err != nil || in.Documents == 0 || in.Broken > 0 {
		r.Errorf("the log has %+v: %v", in, err)
	}
}

// down is a scenario with a child whose backend is down.
func down(lost int, env []string, s ...step) scenario {
	return scenario{
		Env:   append([]string{spillToStderr, shortFlushSpill, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"}, env...),
		Allow: allow{Lost: lost}, Steps: s,
	}
}

// A process without its backend spills its spans to its standard error, and from there each of them reaches another
// backend once.
func TestSpilledSpansAreReplayed(t *testing.T) {
	t.Parallel()
	const total = childSpilledSpans + 3
	withChild(t, down(total, nil, invoke(many(childSpilledSpans)), shutdown, allSpilled(total), replayed(total)))
}

// Neither a panic nor a refused response leaves time for a shutdown, so the spans are spilled before the exit, also if
// nothing holds the environment.
func TestSpillOfAProcessThatEndsItself(t *testing.T) {
	const total = childSpilledSpans + 3
	for _, c := range []call{panics, tooLarge} {
		do := map[string]string{panics.Name: "panic", tooLarge.Name: "large text"}[c.Name]
		c.Payload = command{Do: do, Spans: childSpilledSpans, Pause: handlerTime, Size: harness.TooLarge}.Payload()
		c.Spans += childSpilledSpans
		for _, env := range [][]string{nil, {shutdownOnly}} {
			t.Run(fmt.Sprint(c.Name, " ", env), func(t *testing.T) {
				t.Parallel()
				withChild(t, down(total, env, harness.InvokeToExit(c), replayed(total), func(r *run) {
					if lines := r.Events().Lines(fmt.Sprintf(`"spilled":%d}`, total)); len(lines) != 1 {
						r.Errorf("%d lines say that %d spans were spilled", len(lines), total)
					}
				}))
			})
		}
	}
}

// After an error the process lives on, and only Shutdown spills, once.
func TestNoSpillAfterAnError(t *testing.T) {
	t.Parallel()
	withChild(t, down(3, []string{shutdownOnly}, invoke(fails), shutdown, replayed(3), func(r *run) {
		if lines := r.Events().Lines("undelivered telemetry is spilled"); len(lines) != 0 {
			r.Errorf("spilled before the shutdown: %q", lines)
		}
	}))
}
