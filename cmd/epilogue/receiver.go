package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/epilogue-go/epilogue/internal/report"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// functionPath stands before /v1/traces in the function's endpoint. It tells its requests from those of other services.
const functionPath = "/function"

// receiver is the local OTLP receiver. Its methods are safe for concurrent use.
type receiver struct{ otlp *otlpreceiver.Receiver }

// startReceiver starts a receiver on a free port of loopback that writes to log. Who started it must call close.
func startReceiver(ctx context.Context, log *eventlog.Log) (*receiver, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for OTLP: %w", err)
	}
	r := &receiver{otlp: otlpreceiver.New(otlpreceiver.Config{Log: log})}
	return r, r.otlp.Serve(l)
}

func (r *receiver) close() error    { return r.otlp.Close() }
func (r *receiver) address() string { return strings.TrimPrefix(r.otlp.Endpoint(), "http://") }

// variables returns what makes a process send its telemetry here. path tells its requests from those of others.
func (r *receiver) variables(path string) []string {
	return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + r.otlp.Endpoint() + path}
}

// refuse makes the receiver refuse all requests from now on, or take them again.
func (r *receiver) refuse(on bool) {
	fault := otlpreceiver.Fault{}
	if on {
		fault.Status = http.StatusServiceUnavailable
	}
	r.otlp.SetFault(fault)
}

// cut resets all connections and returns how many there were.
func (r *receiver) cut() int { return r.otlp.CutConnections() }

// receipts returns the function's requests.
func (r *receiver) receipts() []report.Receipt {
	var receipts []report.Receipt
	for _, req := range r.otlp.Requests() {
		if strings.HasPrefix(req.Path, functionPath+"/") {
			receipts = append(receipts, report.Receipt{
				Began: req.Begun, Ended: req.Ended, Kept: req.Kept, Refused: req.Spans - req.Kept,
			})
		}
	}
	return receipts
}

// spans returns everything that was received, from everybody, copies included.
func (r *receiver) spans() []report.Span {
	var spans []report.Span
	for _, s := range r.otlp.Spans() {
		span := report.Span{
			Trace: s.TraceID, ID: s.SpanID, Parent: s.ParentSpanID, Name: s.Name,
			Service: s.Service(), Instance: text(s.Resource, "faas.instance") + text(s.Resource, "service.instance.id"),
			InvocationID: text(s.Attributes, "faas.invocation_id"),
			Start:        s.Start, End: s.End, Failed: s.Status == "error", Message: s.StatusMessage,
		}
		spans = append(spans, span)
	}
	return spans
}

// text returns the attribute as text; empty if it is absent.
func text(attributes map[string]any, key string) string {
	if v, ok := attributes[key]; ok {
		return fmt.Sprint(v)
	}
	return ""
}
