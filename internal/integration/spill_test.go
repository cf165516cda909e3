package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

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

// spilled compares the items in the log: each is there once, and one line says how many they are.
func spilled(spans, records int) step {
	return func(r *run) {
		ids, found, points := make(map[string]bool), 0, 0
		in, err := readLog(r, func(d lines.Document) error {
			for _, resource := range d.Traces.GetResourceSpans() {
				for _, scope := range resource.ScopeSpans {
					for _, span := range scope.Spans {
						ids[string(span.SpanId)] = true
						found++
					}
				}
			}
			for _, resource := range d.Logs.GetResourceLogs() {
				for _, scope := range resource.ScopeLogs {
					for _, record := range scope.LogRecords {
						ids[record.String()] = true
						found++
					}
				}
			}
			for _, resource := range d.Metrics.GetResourceMetrics() {
				for _, scope := range resource.ScopeMetrics {
					points += len(scope.Metrics) // each has one series
				}
			}
			return nil
		})
		if want := spans + records; err != nil || in.Broken > 0 || len(ids) != want || found != want || points == 0 {
			r.Errorf("the log has %d spans and log records, %d of them different, want %d: %+v, %v; %d data points",
				found, len(ids), want, in, err, points)
		}
		// The last line has each signal. The one before an exit has the sum.
		said := append(r.Events().Lines(fmt.Sprintf(`"spilled":%d`, spans)), r.Events().Lines(fmt.Sprintf(`"spilled":%d`, spans+records+points))...)
		if len(said) != 1 {
			r.Errorf("%d lines say that %d spans were spilled", len(said), spans)
		}
	}
}

func readLog(r *run, yield func(lines.Document) error) (lines.Input, error) {
	return lines.Read(strings.NewReader(strings.Join(r.Events().Lines(""), "\n")), yield)
}

// lost allows that so many spans do not arrive, nor what else n invocations emit.
func lost(spans, n int) allow { return allow{Lost: spans, LostRecords: n, LostMeasurements: n} }

// With a backend that hangs, all lines are out before SIGKILL, in the window of 500 ms and in that of 300 ms.
func TestSpillInTheWindow(t *testing.T) {
	for _, external := range []bool{false, true} {
		t.Run(fmt.Sprintf("external extension %t", external), func(t *testing.T) {
			t.Parallel()
			total := spilledSpans + 3 // work, the invocation, the initialization
			sc := scenario{
				Main: spillingFunction, Env: []string{"EPILOGUE_FLUSH_TIMEOUT=300ms"}, Allow: lost(total, 1),
				Steps: steps(backend(hanging), invoke(early(heldAtMost(many(spilledSpans), 300*ms))), shutdown, spilled(total, 1)),
			}
			if external {
				withExternalExtension(t, &sc)
			}
			inMemory(t, sc)
		})
	}
}

// down runs a child whose backend is down, for one invocation. It spills to its standard error.
func down(t *testing.T, spans int, env []string, s ...step) {
	t.Helper()
	t.Parallel()
	withChild(t, scenario{
		Config: lambdatest.Config{Timeout: time.Minute}, // to encode and post 6 MB takes seconds on a busy machine
		Env: append([]string{
			"EPILOGUE_SPILL=stderr", "EPILOGUE_FLUSH_TIMEOUT=300ms", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1",
		}, env...),
		Allow: lost(spans, 1), Steps: append(s, func(r *run) {
			r.Wait(0, harness.Line(`"spilled":`)) // the lines of a child come through a pipe
		}, spilled(spans, 1)),
	})
}

// From the log of a process without its backend, each item of each signal reaches another backend once.
func TestSpilledItemsAreReplayed(t *testing.T) {
	const total = childSpilledSpans + 3
	down(t, total, nil, invoke(many(childSpilledSpans)), shutdown, func(r *run) {
		receiver := otlpreceiver.New(otlpreceiver.Config{})
		r.Error(receiver.Listen("127.0.0.1:0"))
		defer func() { _ = receiver.Close() }() // everything has arrived
		cfg, err := replay.ReadSettings(func(string) string { return "" }, receiver.Endpoint()+"/v1/traces")
		r.Error(err)
		sender := replay.NewSender(cfg)
		defer func() { _ = sender.Close() }()
		for range 2 { // two exports of the same log
			_, err = readLog(r, func(d lines.Document) error { return sender.Add(r.Context(), d) })
			r.Error(err)
		}
		r.Error(sender.Flush(r.Context()))
		ev := r.Events()
		ev.Allow = allow{}
		r.Error(ev.CheckDelivery(receiver.Spans()))
		r.Error(ev.CheckRecords(receiver.LogRecords()))
		r.Error(ev.CheckMeasurements(receiver.DataPoints()))
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
