package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
)

// mainVariable is set in the environment of a test binary that is to be the function.
const mainVariable = "FULFIL_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(mainVariable) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

func newTestWorker() (*worker, *tracetest.SpanRecorder) {
	rec := tracetest.NewSpanRecorder()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec))
	return &worker{tracer: tp.Tracer("fulfil"), propagator: propagation.TraceContext{}}, rec
}

// sampleBatch reads events/name, which may have no field that SQS has not.
func sampleBatch(t *testing.T, name string) events.SQSEvent {
	t.Helper()
	data, err := os.ReadFile("events/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var batch events.SQSEvent
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&batch); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return batch
}

// failed returns the ids of res, in order.
func failed(res events.SQSEventResponse) []string {
	var ids []string
	for _, f := range res.BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	return ids
}

func TestPartialFailures(t *testing.T) {
	message := func(body string) events.SQSMessage { return events.SQSMessage{MessageId: "m", Body: body} }
	for _, tt := range []struct {
		name  string
		batch events.SQSEvent
		want  []string
	}{
		{"good batch", sampleBatch(t, "batch.json"), nil},
		{"one message", sampleBatch(t, "single.json"), nil},
		{"two bad of four", sampleBatch(t, "batch-with-bad.json"), []string{
			"3c0f9d51-6f0c-4b7e-9a54-0d0a58f4f1b2", "9d8f1a3e-2a77-4c57-8f0e-6f3c1f1d9b11",
		}},
		{"no messages", events.SQSEvent{}, nil},
		{"empty body", events.SQSEvent{Records: []events.SQSMessage{message("")}}, []string{"m"}},
		{"no id", events.SQSEvent{Records: []events.SQSMessage{message(`{"sku":"tea","quantity":1}`)}}, []string{"m"}},
		{"no sku", events.SQSEvent{Records: []events.SQSMessage{message(`{"id":"1","quantity":1}`)}}, []string{"m"}},
		{"too many", events.SQSEvent{Records: []events.SQSMessage{message(`{"id":"1","sku":"tea","quantity":101}`)}}, []string{"m"}},
		{"unknown field", events.SQSEvent{Records: []events.SQSMessage{message(`{"id":"1","sku":"tea","quantity":1,"gift":true}`)}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, _ := newTestWorker()
			res, err := w.handle(t.Context(), tt.batch)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, failed(res)); diff != "" {
				t.Errorf("messages given back (-want +got):\n%s", diff)
			}
		})
	}
}

// SQS takes a null list for a failure of the whole batch (AWS Lambda Developer Guide, partial batch responses); it has to
// be an empty one.
func TestNoFailuresIsAnEmptyList(t *testing.T) {
	w, _ := newTestWorker()
	res, _ := w.handle(t.Context(), sampleBatch(t, "batch.json"))
	got, err := json.Marshal(res)
	if want := `{"batchItemFailures":[]}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

func TestSpanPerMessage(t *testing.T) {
	w, rec := newTestWorker()
	ctx, root := w.tracer.Start(t.Context(), "invocation")
	if _, err := w.handle(ctx, sampleBatch(t, "batch-with-bad.json")); err != nil {
		t.Fatal(err)
	}
	root.End()

	type summary struct {
		Name, Parent, Link string
		Status             codes.Code
	}
	var got []summary
	names := map[trace.SpanID]string{}
	for _, s := range rec.Started() {
		names[s.SpanContext().SpanID()] = s.Name()
	}
	for _, s := range rec.Ended() {
		link := ""
		if len(s.Links()) > 0 {
			link = s.Links()[0].SpanContext.SpanID().String()
		}
		got = append(got, summary{s.Name(), names[s.Parent().SpanID()], link, s.Status().Code})
	}
	want := []summary{
		{"pack order", "process fulfil", "", codes.Unset},
		{"process fulfil", "invocation", "00f067aa0ba902b7", codes.Unset},
		{"process fulfil", "invocation", "", codes.Error},
		{"pack order", "process fulfil", "", codes.Unset},
		{"process fulfil", "invocation", "", codes.Unset},
		{"process fulfil", "invocation", "", codes.Error},
		{"invocation", "", "", codes.Unset},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
}

// Without time left, the rest of the batch returns to the queue unprocessed.
func TestNoTimeLeft(t *testing.T) {
	w, rec := newTestWorker()
	ctx, cancel := context.WithTimeout(t.Context(), reserve/2)
	defer cancel()
	res, err := w.handle(ctx, sampleBatch(t, "batch.json"))
	if err != nil || len(res.BatchItemFailures) != 3 {
		t.Errorf("got %v, %v; want all three messages back", failed(res), err)
	}
	if n := len(rec.Started()); n != 0 {
		t.Errorf("%d spans for messages that were not opened", n)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if res, _ := w.handle(ctx, sampleBatch(t, "batch.json")); len(res.BatchItemFailures) != 0 {
		t.Errorf("with an hour left, %v go back", failed(res))
	}
}

func TestCarrier(t *testing.T) {
	traced := "Root=1-69220e80-5a69788796a5b4c33f1d2c4b;Parent=53995c3f42cd8ad8;Sampled=1"
	batch := sampleBatch(t, "batch.json")
	w3c, xray, plain := carrier(batch.Records[0]), carrier(batch.Records[1]), carrier(batch.Records[2])
	for _, tt := range []struct {
		name, key, got, want string
	}{
		{"attribute", "traceparent", w3c.Get("Traceparent"), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		{"system attribute", "X-Amzn-Trace-Id", xray.Get("x-amzn-trace-id"), traced},
		{"absent", "traceparent", plain.Get("traceparent"), ""},
		{"absent system attribute", "X-Amzn-Trace-Id", plain.Get("X-Amzn-Trace-Id"), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %s is %q; want %q", tt.name, tt.key, tt.got, tt.want)
		}
	}
	binary := carrier{MessageAttributes: map[string]events.SQSMessageAttribute{"traceparent": {DataType: "Binary", BinaryValue: []byte{0}}}}
	if got := binary.Get("traceparent"); got != "" {
		t.Errorf("a binary attribute reads as %q", got)
	}
	if got := xray.Keys(); len(got) != 1 || got[0] != "X-Amzn-Trace-Id" {
		t.Errorf("keys are %v", got)
	}
}
