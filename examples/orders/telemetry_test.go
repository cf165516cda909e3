package main

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// The function in the local Lambda counts its orders and logs a record for each, in the trace of its invocation.
func TestMetricsAndLogsArrive(t *testing.T) {
	receiver := otlpreceiver.New(otlpreceiver.Config{})
	if err := receiver.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = receiver.Close() })
	log := serve(t, []string{"create.json", "create-base64.json", "create.json"}, "OTEL_EXPORTER_OTLP_ENDPOINT="+receiver.Endpoint())

	taken, cents := map[any]any{}, 0.0 // the last point of a series has all orders
	for _, p := range receiver.DataPoints() {
		switch p.Name {
		case "orders.taken":
			taken[p.Attributes["order.sku"]] = p.Value
		case "orders.amount":
			cents = *p.Sum
		}
	}
	if diff := cmp.Diff(map[any]any{"tea": int64(2), "coffee": int64(1)}, taken); diff != "" || cents != 900+8280+900 {
		t.Errorf("orders by article (-want +got):\n%s and %v cents\n%s", diff, cents, log)
	}
	invocations := map[string]bool{}
	for _, s := range receiver.Spans() {
		if s.Kind == "server" {
			invocations[s.TraceID+s.SpanID] = true
		}
	}
	records := 0
	for _, r := range receiver.LogRecords() {
		if r.Body == "order taken" && r.Severity == "INFO" && invocations[r.TraceID+r.SpanID] {
			records++
		}
	}
	if records != 3 {
		t.Errorf("%d log records of orders; want 3\n%s", records, log)
	}
}

// Without an endpoint metrics and log records are lines on standard output.
func TestMetricsAndLogsAreLines(t *testing.T) {
	log := serve(t, []string{"create.json"})
	for _, want := range []string{`"message":"order taken","requestId":"`, `"order.sku":"tea","orders.taken":1}`, `"orders.amount":{`} {
		if !bytes.Contains([]byte(log), []byte(want)) {
			t.Errorf("no %s on standard output:\n%s", want, log)
		}
	}
}

// serve runs main in the local Lambda with these events, ends the environment, and returns all output.
func serve(t *testing.T, events []string, env ...string) string {
	t.Helper()
	if !lambdatest.FreezesCommands {
		t.Skip("the last flush needs SIGTERM")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	lambda, err := lambdatest.New(lambdatest.Config{
		FunctionName: "orders", Timeout: time.Minute, InitTimeout: time.Minute, ShutdownWindow: 10 * time.Second, Stdout: &out, Stderr: &errs,
		Env: append([]string{mainVariable + "=1", "OTEL_TRACES_EXPORTER=otlp", "GORACE=atexit_sleep_ms=0"}, env...),
	}, lambdatest.Command(self))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lambda.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, event := range events {
		payload, err := os.ReadFile("events/" + event)
		if err != nil {
			t.Fatal(err)
		}
		if res, err := lambda.Invoke(ctx, lambdatest.Invocation{Payload: payload}); err != nil || res.FunctionError != "" {
			t.Fatalf("%s: %s %s, %v", event, res.FunctionError, res.Payload, err)
		}
	}
	if exit, err := lambda.Shutdown(ctx); err != nil || exit.Code != 0 {
		t.Errorf("shutdown: %+v, %v", exit, err)
	}
	_ = lambda.Close() // all output is written when it returns
	return out.String() + errs.String()
}
