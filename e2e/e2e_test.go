package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/lambdatest"
)

func TestMain(m *testing.M) {
	if config := os.Getenv(collectorVariable); config != "" {
		if err := runCollector(config); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if err := flag.Set("test.parallel", "3"); err != nil { // children mostly wait; the command line still beats this
		panic(err)
	}
	dir, err := os.MkdirTemp("", "epilogue-e2e")
	if err != nil {
		panic(err)
	}
	builds.dir = dir
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxiproxy's toxics have loggers of their own
	goleak.VerifyTestMain(m,
		// If a client closes in the middle of a request, toxiproxy's link keeps its goroutines forever.
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"),
		goleak.Cleanup(func(code int) {
			_ = os.RemoveAll(dir)
			os.Exit(code)
		}))
}

// freeze is the duration of a freeze in scenarios that depend on it: longer than the Collector keeps idle connections.
const freeze = 300 * time.Millisecond

// step is one invocation.
type step struct {
	name   string
	event  string // file in the example's folder events
	freeze bool   // the environment has been frozen for a time before
	answer string // part of the answer's payload
	fault  bool   // the invocation fails
}

var steps = []step{
	{name: "cold", event: "create.json", answer: `"statusCode":201`},
	{name: "warm", event: "create-base64.json", answer: `"statusCode":201`},
	{name: "in a trace of the caller's", event: "create-traced.json", answer: `"statusCode":201`},
	{name: "after a freeze", event: "get.json", freeze: true, answer: `"statusCode":200`},
	{name: "after another", event: "create.json", freeze: true, answer: `"statusCode":201`},
	{name: "bad input", event: "invalid.json", answer: `"statusCode":422`},
	{name: "panic after a freeze", event: "panic.json", freeze: true, fault: true, answer: "the box fell off the table"},
	{name: "new environment", event: "create.json", answer: `"statusCode":201`},
	{name: "timeout after a freeze", event: "timeout.json", freeze: true, fault: true, answer: "timed out"},
	{name: "third environment", event: "get.json", answer: `"statusCode":200`},
	{name: "before the end", event: "create.json", freeze: true, answer: `"statusCode":201`},
}

func TestEverySpanArrives(t *testing.T) {
	for _, compression := range []string{"none", "gzip"} {
		t.Run(compression, func(t *testing.T) {
			col := startCollector(t)
			prices, pricesURL := startPrices(t, col.url)
			record := filepath.Join(t.TempDir(), "ended.json")
			runFunction(t, buildExample(t, "orders"), steps, nil, []string{
				"E2E_RECORD=" + record, "ORDERS_FAULTS=on", "PRICES_URL=" + pricesURL,
				"OTEL_SERVICE_NAME=orders", "OTEL_EXPORTER_OTLP_ENDPOINT=" + col.url, "OTEL_EXPORTER_OTLP_COMPRESSION=" + compression,
			})
			prices.stop(t)
			col.stop(t)

			ended := readRecord(t, record)
			all := readDelivered(t, col.file)
			var ofOrders []span
			for _, s := range all {
				if s.service() == "orders" {
					ofOrders = append(ofOrders, s)
				}
			}
			compare(t, ended, ofOrders)
			checkScenario(t, all)
			t.Logf("%d spans ended in orders, %d delivered; %d with those of prices", len(ended), len(ofOrders), len(all))
		})
	}
}

// runFunction sends the steps to one of the examples in the local Lambda and ends its environment. In each freeze it calls
// frozen, if that is not nil.
func runFunction(t *testing.T, path string, steps []step, frozen func(), env []string) {
	t.Helper()
	var out, errs bytes.Buffer                    // slog writes to the one or the other, as the example has it
	env = append(env, "GORACE=atexit_sleep_ms=0") // or the race detector alone would take a second of the shutdown window
	name := filepath.Base(path)
	lambda, err := lambdatest.New(lambdatest.Config{
		FunctionName: name, MemorySize: 256, Timeout: 2 * time.Second, ShutdownWindow: window, Env: env, Stdout: &out, Stderr: &errs,
	}, lambdatest.Command(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lambda.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	for i, s := range steps {
		if s.freeze {
			letTimePass(freeze)
			if frozen != nil {
				frozen()
			}
		}
		res, err := lambda.Invoke(ctx, lambdatest.Invocation{RequestID: requestID(i), Payload: sampleEvent(t, name, s.event)})
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if (res.FunctionError != "") != s.fault || !strings.Contains(string(res.Payload), s.answer) {
			t.Errorf("%s: got %s %s; want %s", s.name, res.FunctionError, res.Payload, s.answer)
		}
		if err := lambda.WaitIdle(ctx); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	exit, err := lambda.Shutdown(ctx)
	_ = lambda.Close() // all of the log is written when it returns
	if err != nil || exit.Code != 0 || exit.Killed {
		t.Errorf("shutdown: %+v, %v\n%s", exit, err, lambda.Log())
	}
	log := out.String() + errs.String()
	if !strings.Contains(log, "graceful shutdown completed") {
		t.Errorf("the log ends without the counts:\n%s", log)
	}
	if strings.Contains(log, "DATA RACE") {
		t.Errorf("the function has a data race:\n%s", log)
	}
	checkConditions(t, steps, lambdatest.Invocations(lambda.Log().Events()))
}

// checkConditions expects that the steps ran under the conditions they are about: frozen if they say so, and each
// failure followed by a new process.
func checkConditions(t *testing.T, steps []step, reports []lambdatest.InvocationReport) {
	t.Helper()
	if len(reports) != len(steps) {
		t.Fatalf("%d invocations; want %d", len(reports), len(steps))
	}
	process := 1
	for i, s := range steps {
		r := reports[i]
		if s.freeze && r.Thawed < freeze {
			t.Errorf("%s: it was frozen for %s; want %s", s.name, r.Thawed, freeze)
		}
		if r.Process != process || r.TimedOut != strings.Contains(s.name, "timeout") {
			t.Errorf("%s: in process %d, timed out: %t; want process %d", s.name, r.Process, r.TimedOut, process)
		}
		if s.fault {
			process++
		}
	}
}

// requestID returns the id of the step at index i.
func requestID(i int) string { return fmt.Sprintf("8476a536-e9f4-11e8-9739-%012d", i) }

// letTimePass lets real time go by while the environment is frozen: that, and no event, is what the Collector needs to
// close its connections.
func letTimePass(d time.Duration) { <-time.After(d) }
