package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/internal/report"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/lambdatest/xraydaemon"
)

// functionPath precedes /v1/traces in the function's endpoint. It identifies the function's requests.
const functionPath = "/function"

// settling is how long the daemon may take for received datagrams.
const settling = time.Second

// Receiver is the local OTLP receiver, with an X-Ray daemon for the spans that the function sends by UDP. Its methods are
// safe for concurrent use.
type Receiver struct {
	otlp   *otlpreceiver.Receiver
	daemon *xraydaemon.Daemon

	waitQuiet func() // waits until the daemon has stored all received spans; its senders do not wait
}

// StartReceiver starts a receiver on free ports of loopback that writes to log. The caller must call Close.
func StartReceiver(ctx context.Context, log *eventlog.Log) (*Receiver, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for OTLP: %w", err)
	}
	conn, err := new(net.ListenConfig).ListenPacket(ctx, "udp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for X-Ray: %w", err), l.Close())
	}
	r := &Receiver{otlp: otlpreceiver.New(otlpreceiver.Config{Log: log}), daemon: xraydaemon.New(xraydaemon.Config{Log: log})}
	r.waitQuiet = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
		defer cancel()
		_ = r.daemon.WaitQuiet(ctx) // fails after Close, when all spans are kept; after the timeout, missing spans show as lost
	}
	if err := errors.Join(r.otlp.Serve(l), r.daemon.Serve(conn)); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Close ends it.
func (r *Receiver) Close() error    { return errors.Join(r.otlp.Close(), r.daemon.Close()) }
func (r *Receiver) address() string { return strings.TrimPrefix(r.otlp.Endpoint(), "http://") }

// Variables returns the environment of a process that sends its telemetry here. path identifies its requests.
func (r *Receiver) Variables(path string) []string {
	return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + r.otlp.Endpoint() + path}
}

// xrayVariables returns the environment of a function that sends spans here by UDP.
func (r *Receiver) xrayVariables() []string {
	return []string{"AWS_XRAY_DAEMON_ADDRESS=" + r.daemon.Address()}
}

// Refuse makes the receiver refuse all later requests, or accept them again.
func (r *Receiver) Refuse(on bool) {
	fault := otlpreceiver.Fault{}
	if on {
		fault.Status = http.StatusServiceUnavailable
	}
	r.otlp.SetFault(fault)
}

// cut resets all connections and returns how many there were.
func (r *Receiver) cut() int { return r.otlp.CutConnections() }

// receipts returns the function's requests.
func (r *Receiver) receipts() []report.Receipt {
	var receipts []report.Receipt
	for _, req := range r.otlp.Requests() {
		if ofFunction(req) {
			receipt := report.Receipt{Began: req.Begun, Ended: req.Ended, Refused: req.Items - req.Kept}
			if req.Signal == otlpreceiver.Traces {
				receipt.Kept = req.Kept
			}
			receipts = append(receipts, receipt)
		}
	}
	r.waitQuiet()
	for _, d := range r.daemon.Datagrams() {
		if kept := d.Spans; d.Outcome == "kept" {
			receipts = append(receipts, report.Receipt{Began: d.Arrived, Ended: d.Arrived, Kept: kept})
		}
	}
	return receipts
}

func ofFunction(r otlpreceiver.Request) bool { return strings.HasPrefix(r.Path, functionPath+"/") }

// received returns how many items of a signal it has taken from the function, and in how many requests.
func (r *Receiver) received(signal otlpreceiver.Signal) (items, requests int) {
	for _, req := range r.otlp.Requests() {
		if ofFunction(req) && req.Signal == signal && req.Kept > 0 {
			items += req.Kept
			requests++
		}
	}
	return items, requests
}

// spans returns all received spans, of all senders, with copies.
func (r *Receiver) spans() []report.Span {
	r.waitQuiet()
	var spans []report.Span
	for _, s := range append(r.otlp.Spans(), r.daemon.Spans()...) {
		span := report.Span{
			Trace: s.TraceID, ID: s.SpanID, Parent: s.ParentSpanID, Remote: hasRemoteParent(s), Name: s.Name,
			Service: s.Service(), Instance: text(s.Resource, "faas.instance") + text(s.Resource, "service.instance.id"),
			InvocationID: text(s.Attributes, "faas.invocation_id"),
			Start:        s.Start, End: s.End, Failed: s.Status == "error", Message: s.StatusMessage,
		}
		spans = append(spans, span)
	}
	return spans
}

// hasRemoteParent reports whether the parent of a span belongs to another process: by its flags (opentelemetry-proto,
// SpanFlags), or by its kind if an older SDK has not set them.
func hasRemoteParent(s otlpreceiver.Span) bool {
	const known, remote = 0x100, 0x200
	if s.Flags&known == 0 {
		return s.Kind == "server" || s.Kind == "consumer"
	}
	return s.Flags&remote != 0
}

// text returns the attribute as text; empty if it is absent.
func text(attributes map[string]any, key string) string {
	if v, ok := attributes[key]; ok {
		return fmt.Sprint(v)
	}
	return ""
}
