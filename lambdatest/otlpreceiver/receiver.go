package otlpreceiver

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// Kinds of events in the log of a Receiver. Who is the connection, such as "conn-1". RequestID stays empty, because a
// request of OTLP does not name its invocation.
const (
	KindConnectionOpened eventlog.Kind = "connection.opened" // a client has connected
	KindConnectionCut    eventlog.Kind = "connection.cut"    // the receiver has reset the connection
	KindExportBegun      eventlog.Kind = "export.begun"      // headers have arrived; Detail: the request's number
	KindExportDone       eventlog.Kind = "export.done"       // items are kept; Count: how many; Detail: number and outcome
	KindExportRefused    eventlog.Kind = "export.refused"    // items are not kept; Count: how many, if known; Detail: number and outcome
)

// defaultMaxBody is the default limit of the OpenTelemetry Collector's OTLP receiver (confighttp, max_request_body_size).
const defaultMaxBody = 20 << 20

// Config adjusts a Receiver. The zero value is usable.
type Config struct {
	// Log is where connections and requests are recorded; nil means nowhere.
	Log *eventlog.Log
	// MaxBody bounds a request's body in bytes, on the wire and decompressed; 0 means 20 MiB. Larger ones get 413.
	MaxBody int64
}

// Receiver is an http.Handler that keeps received telemetry. It is safe for concurrent use. Use New to make one.
type Receiver struct {
	cfg     Config
	server  *http.Server
	serving sync.WaitGroup // goroutines of Serve, and requests being handled
	done    chan struct{}  // closed by the first Close

	mu       sync.Mutex
	endpoint string
	closed   bool
	conns    map[net.Conn]string // id by connection
	opened   int                 // connections so far
	kept     batch
	seen     map[[2]string]struct{} // trace and span ids of the spans kept
	requests []Request              // by number, without drained ones
	begun    int                    // requests so far
	always   map[Signal]Fault       // by Fault.Only
	next     []Fault
	release  chan struct{} // closed and replaced by Unblock
	changed  chan struct{} // closed and replaced when items arrive
}

// New returns a receiver that does not listen yet. The caller must call Close.
func New(cfg Config) *Receiver {
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = defaultMaxBody
	}
	r := &Receiver{
		cfg:     cfg,
		done:    make(chan struct{}),
		conns:   make(map[net.Conn]string),
		seen:    make(map[[2]string]struct{}),
		always:  make(map[Signal]Fault),
		release: make(chan struct{}),
		changed: make(chan struct{}),
	}
	r.server = r.newServer()
	return r
}

// Drain returns and removes the kept spans and the ended requests, so that a receiver can serve forever. The other methods
// then return only later ones. A later Drain returns the requests that are under way.
func (r *Receiver) Drain() ([]Span, []Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	spans := r.kept.spans
	r.kept.spans, r.seen = nil, make(map[[2]string]struct{})
	var ended, left []Request
	for _, req := range r.requests {
		if req.Ended.IsZero() {
			left = append(left, req)
		} else {
			ended = append(ended, req)
		}
	}
	r.requests = left
	return spans, ended
}

// DrainDataPoints returns and removes the kept data points.
func (r *Receiver) DrainDataPoints() []DataPoint {
	r.mu.Lock()
	defer r.mu.Unlock()
	points := r.kept.points
	r.kept.points = nil
	return points
}

// DrainLogRecords returns and removes the kept log records.
func (r *Receiver) DrainLogRecords() []LogRecord {
	r.mu.Lock()
	defer r.mu.Unlock()
	records := r.kept.records
	r.kept.records = nil
	return records
}

// Spans returns a copy of the list of spans kept so far, in order of arrival, duplicates included. The maps and slices
// inside are shared and must not be changed.
func (r *Receiver) Spans() []Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.kept.spans)
}

// DataPoints returns a copy of the list of data points kept so far, as Spans does.
func (r *Receiver) DataPoints() []DataPoint {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.kept.points)
}

// LogRecords returns a copy of the list of log records kept so far, as Spans does.
func (r *Receiver) LogRecords() []LogRecord {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.kept.records)
}

// Requests returns a copy of the list of requests so far, in the order in which they began. One that is still being handled has
// a zero Ended.
func (r *Receiver) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Duplicates returns the number of kept duplicates: spans whose trace and span ID had arrived before.
func (r *Receiver) Duplicates() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.kept.spans) - len(r.seen)
}

// WaitSpans waits until at least n spans are kept and returns all of them. If ctx ends first, it returns the spans so far
// and an error.
func (r *Receiver) WaitSpans(ctx context.Context, n int) ([]Span, error) {
	return wait(ctx, r, n, "spans", r.Spans)
}

// WaitDataPoints waits for data points, as WaitSpans does.
func (r *Receiver) WaitDataPoints(ctx context.Context, n int) ([]DataPoint, error) {
	return wait(ctx, r, n, "data points", r.DataPoints)
}

// WaitLogRecords waits for log records, as WaitSpans does.
func (r *Receiver) WaitLogRecords(ctx context.Context, n int) ([]LogRecord, error) {
	return wait(ctx, r, n, "log records", r.LogRecords)
}

// wait waits until kept returns at least n items.
func wait[T any](ctx context.Context, r *Receiver, n int, noun string, kept func() []T) ([]T, error) {
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		items := kept() // after changed: items that arrive in between are among them
		if len(items) >= n {
			return items, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return items, fmt.Errorf("wait for %d %s, have %d: %w", n, noun, len(items), context.Cause(ctx))
		}
	}
}

// keep stores items and wakes waiting callers. The caller holds mu.
func (r *Receiver) keep(items batch) {
	for _, s := range items.spans {
		r.seen[[2]string{s.TraceID, s.SpanID}] = struct{}{}
	}
	r.kept.spans = append(r.kept.spans, items.spans...)
	r.kept.points = append(r.kept.points, items.points...)
	r.kept.records = append(r.kept.records, items.records...)
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *Receiver) log(e eventlog.Event) {
	if r.cfg.Log != nil {
		r.cfg.Log.Add(e)
	}
}
