package main

import (
	"os"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// The function in the local Lambda logs each message that goes back to the queue, in the trace of its invocation.
func TestLogsArrive(t *testing.T) {
	if !lambdatest.FreezesCommands {
		t.Skip("the last flush needs SIGTERM")
	}
	receiver := otlpreceiver.New(otlpreceiver.Config{})
	if err := receiver.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = receiver.Close() })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	lambda, err := lambdatest.New(lambdatest.Config{
		FunctionName: "fulfil", Timeout: time.Minute, InitTimeout: time.Minute, ShutdownWindow: 10 * time.Second,
		Env: []string{mainVariable + "=1", "OTEL_EXPORTER_OTLP_ENDPOINT=" + receiver.Endpoint(), "GORACE=atexit_sleep_ms=0"},
	}, lambdatest.Command(self))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lambda.Close() })
	batch, err := os.ReadFile("events/batch-with-bad.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lambda.Invoke(t.Context(), lambdatest.Invocation{Payload: batch}); err != nil {
		t.Fatal(err)
	}
	if exit, err := lambda.Shutdown(t.Context()); err != nil || exit.Code != 0 {
		t.Errorf("shutdown: %+v, %v", exit, err)
	}

	traces := map[string]bool{}
	for _, s := range receiver.Spans() {
		traces[s.TraceID] = true
	}
	records := 0
	for _, r := range receiver.LogRecords() {
		if r.Body == "message goes back to the queue" && r.Severity == "WARN" && traces[r.TraceID] {
			records++
		}
	}
	if records != 2 {
		t.Errorf("%d log records of failed messages; want 2: %+v", records, receiver.LogRecords())
	}
}
