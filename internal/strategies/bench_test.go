package strategies

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// BenchmarkAfterResponse is how long the environment is held once the response is accepted, until the extension asks for
// next, in real time with a backend on loopback that answers after a millisecond. In the same run, in turns, it measures
// one bare POST to the same backend: round-trip-µs is its median, and hold-µs minus that is our share.
func BenchmarkAfterResponse(b *testing.B) {
	for name, sampler := range map[string]string{"one span": "always_on", "nothing sampled": "always_off"} {
		b.Run(name, func(b *testing.B) {
			log, url := new(eventlog.Log), millisecondAway(b)
			program := lambdatest.Func(func(emulated *lambdatest.Process) {
				p := harness.Emulated(emulated)
				p.Dial = (&net.Dialer{}).DialContext
				f := harness.New(p)
				f.Serve(f.Handle)
			})
			env, err := lambdatest.New(lambdatest.Config{
				Log: log, Order: lambdatest.OrderInvokeFirst, OrderGap: time.Nanosecond,
				Env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + url, "OTEL_TRACES_SAMPLER=" + sampler, harness.WithoutInitSpan + "=true"},
			}, program)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = env.Close() }()
			var holds, trips []time.Duration
			client := new(http.Client)
			defer client.CloseIdleConnections()
			for b.Loop() {
				holds = append(holds, hold(b, env, log))
				trips = append(trips, trip(b, client, url))
			}
			b.ReportMetric(float64(median(holds).Microseconds()), "hold-µs")
			b.ReportMetric(float64(median(trips).Microseconds()), "round-trip-µs")
		})
	}
}

// millisecondAway is a backend that answers after a millisecond.
func millisecondAway(b *testing.B) (url string) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(time.Millisecond)
	}))
	b.Cleanup(server.Close)
	return server.URL
}

// hold makes an invocation, and returns how long it is held.
func hold(b *testing.B, env *lambdatest.Environment, log *eventlog.Log) time.Duration {
	mark := log.Add(eventlog.Event{Kind: "strategies.step"}).Seq
	if _, err := env.Invoke(b.Context(), lambdatest.Invocation{Payload: []byte(`{"do":"ok"}`)}); err != nil {
		b.Fatal(err)
	}
	if err := env.WaitIdle(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer log.Trim(mark)
	made := lambdatest.Invocations(log.Since(mark))
	return made[0].Next.Sub(made[0].Posted)
}

// trip makes a request of a span's size.
func trip(b *testing.B, client *http.Client, url string) time.Duration {
	body := make([]byte, 700)
	began := time.Now()
	resp, err := client.Post(url, "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return time.Since(began)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
