package e2e

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
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

// The Collector has every span that ended, every log record that was emitted, and the last data point of every series. The exporter
// console writes the records and the points to standard output, from queues and readers of its own.
func TestCollectorHasEveryItem(t *testing.T) {
	for _, compression := range []string{"none", "gzip"} {
		t.Run(compression, func(t *testing.T) {
			col := startCollector(t)
			prices, pricesURL := startPrices(t, col.url)
			ended, output := runFunction(t, "orders", col.url, steps, nil,
				"ORDERS_FAULTS=on", "PRICES_URL="+pricesURL, "OTEL_SERVICE_NAME=orders", "OTEL_EXPORTER_OTLP_COMPRESSION="+compression,
				"OTEL_METRICS_EXPORTER=otlp,console", "OTEL_LOGS_EXPORTER=otlp,console")
			prices.stop(t)
			col.stop(t)

			all := readDelivered(t, col.file)
			ofOrders := slices.DeleteFunc(slices.Clone(all), func(s span) bool { return s.service != "orders" })
			compare(t, ended, ofOrders)
			if !slices.ContainsFunc(ofOrders, func(s span) bool { return s.Name() == "close the shop" }) {
				t.Error("the span that ended after SIGTERM did not arrive")
			}
			points, records := compareItems(t, output, col.file)
			t.Logf("%d spans, %d series and %d log records of orders; %d spans with those of prices", len(ofOrders), points, records, len(all))
		})
	}
}

// compareItems compares the data points and log records of orders in output with those in the Collector's file.
func compareItems(t *testing.T, output, file string) (series, records int) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ofPrices := func(text string) bool { return strings.Contains(text, `"stringValue":"prices"`) }
	points, logs := lastPoints(t, string(data)), logRecords(t, string(data))
	maps.DeleteFunc(points, func(_, text string) bool { return ofPrices(text) })
	logs = slices.DeleteFunc(logs, ofPrices)
	want := lastPoints(t, output)
	if diff := gocmp.Diff(want, points); diff != "" || len(want) == 0 {
		t.Errorf("%d series (-last in the function +last delivered to the Collector):\n%s", len(want), diff)
	}
	wanted := logRecords(t, output)
	if diff := gocmp.Diff(wanted, logs); diff != "" || len(wanted) < 6 { // six orders
		t.Errorf("%d log records (-emitted in the function +delivered to the Collector):\n%s", len(wanted), diff)
	}
	return len(want), len(wanted)
}

// runFunction sends the steps to one of the examples in the local Lambda and ends its environment. In each freeze it calls
// frozen, if that is not nil. It returns the spans that ended, and the function's standard output.
func runFunction(t *testing.T, name, endpoint string, steps []step, frozen func(), env ...string) (ended []span, output string) {
	t.Helper()
	r := start(t, buildExample(t, name), endpoint, lambdatest.Config{MemorySize: 256, Timeout: 2 * time.Second, ShutdownWindow: window}, env...)
	for i, s := range steps {
		if s.freeze {
			letTimePass(freeze)
			if frozen != nil {
				frozen()
			}
		}
		event, err := os.ReadFile(filepath.Join("../examples", name, "events", s.event))
		if err != nil {
			t.Fatal(err)
		}
		res := r.invoke(lambdatest.Invocation{RequestID: requestID(i), Payload: event})
		if (res.FunctionError != "") != s.fault || !strings.Contains(string(res.Payload), s.answer) {
			t.Errorf("%s: got %s %s; want %s", s.name, res.FunctionError, res.Payload, s.answer)
		}
	}
	r.end()
	if !strings.Contains(r.log(), "graceful shutdown completed") {
		t.Errorf("the log ends without the counts:\n%s", r.log())
	}
	checkConditions(t, steps, lambdatest.Invocations(r.lambda.Log().Events()))
	return readRecord(t, r.record), r.out.String()
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
