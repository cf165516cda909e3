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

// What a Receiver writes to its log. Who is always the connection, as "conn-1"; RequestID stays empty, because
// a request of OTLP does not say to which invocation it belongs.
const (
	KindConnectionOpened eventlog.Kind = "connection.opened" // a client has connected
	KindConnectionCut    eventlog.Kind = "connection.cut"    // the receiver has reset the connection
	KindExportBegun      eventlog.Kind = "export.begun"      // headers have arrived; Detail: the request's number
	KindExportDone       eventlog.Kind = "export.done"       // spans are kept; Count: how many; Detail: number and outcome
	KindExportRefused    eventlog.Kind = "export.refused"    // spans are not kept; Count: how many, if known; Detail: number and outcome
)

// defaultMaxBody is what the OpenTelemetry Collector's OTLP receiver accepts by default (confighttp, max_request_body_size).
const defaultMaxBody = 20 << 20

// Config adjusts a Receiver. The zero value is usable.
type Config struct {
	// Log is where connections and requests are recorded; nil means nowhere.
	Log *eventlog.Log
	// MaxBody bounds a request's body in bytes, on the wire and decompressed; 0 means 20 MiB. Larger ones get 413.
	MaxBody int64
}

// Receiver is an http.Handler that keeps the spans it is sent. It is safe for concurrent use. Use New to make one.
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
	spans    []Span
	seen     map[[2]string]struct{} // trace and span ids of the spans kept
	requests []Request              // by number; those not taken
	begun    int                    // requests so far
	always   Fault
	next     []Fault
	release  chan struct{} // closed and renewed by Unblock
	changed  chan struct{} // closed and renewed when spans arrive
}

// New returns a receiver that listens nowhere yet. Close it when done.
func New(cfg Config) *Receiver {
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = defaultMaxBody
	}
	r := &Receiver{
		cfg:     cfg,
		done:    make(chan struct{}),
		conns:   make(map[net.Conn]string),
		seen:    make(map[[2]string]struct{}),
		release: make(chan struct{}),
		changed: make(chan struct{}),
	}
	r.server = r.newServer()
	return r
}

// Drain returns and forgets the spans that were kept and the requests that have ended, so that a receiver can serve
// forever. The other methods then return only what came since. A later Drain returns a request that is under way.
func (r *Receiver) Drain() ([]Span, []Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	spans := r.spans
	r.spans, r.seen = nil, make(map[[2]string]struct{})
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

// Spans returns a copy of the list of spans kept so far, in order of arrival, duplicates included. The maps and slices
// inside are shared and must not be changed.
func (r *Receiver) Spans() []Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.spans)
}

// Requests returns a copy of the list of requests so far, in the order in which they began. One that is still being handled has
// a zero Ended.
func (r *Receiver) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Duplicates returns how many spans too many were kept: those whose trace and span id had arrived before.
func (r *Receiver) Duplicates() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.spans) - len(r.seen)
}

// WaitSpans waits until at least n spans are kept and returns all of them. If ctx ends first it returns those there are,
// with an error.
func (r *Receiver) WaitSpans(ctx context.Context, n int) ([]Span, error) {
	for {
		r.mu.Lock()
		spans, changed := slices.Clone(r.spans), r.changed
		r.mu.Unlock()
		if len(spans) >= n {
			return spans, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return spans, fmt.Errorf("wait for %d spans, have %d: %w", n, len(spans), context.Cause(ctx))
		}
	}
}

// keep stores spans and wakes those who wait for them. Called with mu held.
func (r *Receiver) keep(spans []Span) {
	for _, s := range spans {
		r.seen[[2]string{s.TraceID, s.SpanID}] = struct{}{}
	}
	r.spans = append(r.spans, spans...)
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *Receiver) log(e eventlog.Event) {
	if r.cfg.Log != nil {
		r.cfg.Log.Add(e)
	}
}
