package e2e

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// batches are what fulfil gets: a queue's messages.
var batches = []step{
	{name: "one message", event: "single.json", answer: `"batchItemFailures":[]`},
	{name: "three, one of them of a trace of the sender's", event: "batch.json", freeze: true, answer: `"batchItemFailures":[]`},
	{name: "two bad of four", event: "batch-with-bad.json", freeze: true, answer: `"itemIdentifier"`},
	{name: "before the end", event: "single.json", freeze: true, answer: `"batchItemFailures":[]`},
}

// Every trace of a day in the shop can be looked up in Jaeger, whole: cold and warm starts, freezes in which all
// connections to Jaeger end, an error, a panic, a timeout, batches of a queue, and the end of each environment.
func TestJaegerHasEveryTraceWhole(t *testing.T) {
	began := time.Now()
	j := startJaeger(t)
	way := startProxy(t, j.url)
	restart := func() { way.down(); way.up() }
	prices, pricesURL := startPrices(t, way.url())
	const tracesOnly = "OTEL_METRICS_EXPORTER=none" // Jaeger takes neither metrics nor logs
	ofOrders, _ := runFunction(t, "orders", way.url(), steps, restart, "ORDERS_FAULTS=on", "PRICES_URL="+pricesURL, tracesOnly, "OTEL_LOGS_EXPORTER=lambda")
	ofFulfil, _ := runFunction(t, "fulfil", way.url(), batches, restart, tracesOnly, "OTEL_LOGS_EXPORTER=lambda")
	ended := slices.Concat(ofOrders, ofFulfil)
	prices.stop(t)

	want := map[string][]view{}
	for _, s := range ended {
		id := s.TraceID().String()
		want[id] = append(want[id], expect(s))
	}
	served := 0
	for id := range maps.Keys(want) {
		served += checkTrace(t, id, want[id], j.wholeTrace(t, id, len(want[id])))
	}
	if said := exportedByPrices(t, prices); served != said {
		t.Errorf("Jaeger has %d spans of prices, which says that it has exported %d", served, said)
	}
	j.stop(t)
	t.Logf("%d traces, %d spans of prices; %s", len(want), served, time.Since(began).Round(time.Millisecond))
}

// callerSpan is in the traceparent of examples/orders/events/create-traced.json. No one sends the caller's span.
const callerSpan = "00f067aa0ba902b7"

// wholeTrace returns the trace when Jaeger shows at least n spans of it: it stores accepted spans a little later.
func (j *jaeger) wholeTrace(t *testing.T, id string, n int) []view {
	t.Helper()
	until := time.Now().Add(patience)
	for {
		got := j.trace(t, id)
		if len(got) >= n || time.Now().After(until) {
			return got
		}
		letTimePass(50 * time.Millisecond)
	}
}

// checkTrace expects the trace to have each span of the functions once and unchanged, and the spans of prices. Each span but
// the root has its parent in the trace. checkTrace returns the number of spans of prices.
func checkTrace(t *testing.T, id string, want, got []view) (served int) {
	t.Helper()
	byID := map[string]view{}
	var ofFunctions []view
	roots := 0
	for _, v := range got {
		byID[v.ID] = v
		switch v.Service {
		case "prices":
			served++
		default:
			ofFunctions = append(ofFunctions, v)
		}
	}
	for _, v := range got {
		switch parent, ok := byID[v.Parent]; {
		case v.Parent == "", v.Parent == callerSpan:
			roots++
		case !ok:
			t.Errorf("trace %s: the parent %s of %q is not there", id, v.Parent, v.Name)
		case v.Service == "prices" && parent.Name != "HTTP GET":
			t.Errorf("trace %s: the parent of %q of prices is %q", id, v.Name, parent.Name)
		}
	}
	if roots != 1 {
		t.Errorf("trace %s has %d roots", id, roots)
	}
	slices.SortFunc(want, func(a, b view) int { return cmp.Compare(a.ID, b.ID) })
	if diff := gocmp.Diff(want, ofFunctions); diff != "" {
		t.Errorf("trace %s (-ended in the functions +shown by Jaeger):\n%s", id, diff)
	}
	return served
}

var exported = regexp.MustCompile(`(?i)exported[=:](\d+)`)

// exportedByPrices is what the service said last.
func exportedByPrices(t *testing.T, prices *process) int {
	t.Helper()
	m := exported.FindStringSubmatch(prices.waitFor(t, "prices has ended"))
	if m == nil {
		t.Fatal("prices reports no counts")
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
