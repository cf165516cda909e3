package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/emptypb"
)

// collector accepts spans by OTLP over HTTP and over gRPC, and only records their IDs and names. It counts metrics and log
// records, by HTTP. So its own work adds little to the time of a rival that waits for it before the response. It answers a request a round trip after its arrival, as if
// it were that far away. Opening a connection takes no longer than on loopback.
type collector struct {
	httpURL, grpcURL string
	http             *http.Server
	grpc             *grpc.Server
	serving          sync.WaitGroup

	mu        sync.Mutex
	roundTrip time.Duration
	arrived   map[string]string // name by span id
	metrics   int
	records   int    // of logs
	last      []byte // the request of spans that came last, by HTTP
}

func newCollector(ctx context.Context) (*collector, error) {
	c := &collector{arrived: make(map[string]string)}
	c.http = &http.Server{Handler: http.HandlerFunc(c.serveHTTP), ReadHeaderTimeout: time.Minute}
	c.grpc = grpc.NewServer(grpc.UnknownServiceHandler(c.serveGRPC))
	var err error
	if c.httpURL, err = c.serve(ctx, c.http.Serve); err == nil {
		c.grpcURL, err = c.serve(ctx, c.grpc.Serve)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// serve serves on a free port of loopback and returns its URL.
func (c *collector) serve(ctx context.Context, server func(net.Listener) error) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	c.serving.Go(func() { _ = server(l) }) // until close
	return "http://" + l.Addr().String(), nil
}

func (c *collector) close() {
	_ = c.http.Close()
	c.grpc.Stop()
	c.serving.Wait()
}

func (c *collector) serveHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != "application/x-protobuf" || r.Header.Get("Content-Encoding") != "" {
		http.Error(w, "only plain protobuf is taken", http.StatusUnsupportedMediaType)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = c.takeHTTP(r, body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf") // of an empty answer: everything was accepted
}

// takeHTTP takes a request of the signal whose path it has.
func (c *collector) takeHTTP(r *http.Request, body []byte) error {
	switch r.URL.Path {
	case "/v1/traces":
		c.keep(body)
		return c.take(r.Context(), body, c.remember)
	case "/v1/metrics":
		return c.take(r.Context(), body, counting(&c.metrics))
	case "/v1/logs":
		return c.take(r.Context(), body, counting(&c.records))
	default:
		return fmt.Errorf("no signal has the path %s", r.URL.Path)
	}
}

// serveGRPC takes the one message of any call. To protobuf all of its fields are unknown ones of an Empty.
func (c *collector) serveGRPC(_ any, stream grpc.ServerStream) error {
	var m emptypb.Empty
	if err := stream.RecvMsg(&m); err != nil {
		return err
	}
	if err := c.take(stream.Context(), m.ProtoReflect().GetUnknown(), c.remember); err != nil {
		return err
	}
	return stream.SendMsg(&emptypb.Empty{})
}

// take calls record with each item of an export request, and waits for the round trip. record is called with mu held.
func (c *collector) take(ctx context.Context, body []byte, record func(item []byte) error) error {
	c.mu.Lock()
	wait := c.roundTrip
	err := each(body, toItems, record)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return pause(ctx, wait)
}

// keep remembers a request of spans as the last.
func (c *collector) keep(body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = body
}

// lastRequest returns the request of spans that came last by HTTP.
func (c *collector) lastRequest() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// setRoundTrip sets the collector's distance.
func (c *collector) setRoundTrip(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.roundTrip = d
}

// counts are numbers of items that have arrived.
type counts struct {
	spans   map[string]int // by name; a duplicate counts once
	metrics int            // one in several requests counts in each
	records int
}

// takeCounts returns the counts since the last call.
func (c *collector) takeCounts() counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := counts{spans: make(map[string]int), metrics: c.metrics, records: c.records}
	for _, name := range c.arrived {
		taken.spans[name]++
	}
	clear(c.arrived)
	c.metrics, c.records = 0, 0
	return taken
}

// remember notes a Span. The caller holds mu.
func (c *collector) remember(span []byte) error {
	return each(span, toSpanID, func(id []byte) error {
		return each(span, toName, func(name []byte) error {
			c.arrived[string(id)] = string(name)
			return nil
		})
	})
}

// counting returns a function that counts items in n.
func counting(n *int) func([]byte) error {
	return func([]byte) error {
		*n++
		return nil
	}
}

// Paths in the messages of opentelemetry-proto, by field numbers: those of trace.proto, and toItems also of metrics.proto
// and logs.proto.
var (
	toItems  = []protowire.Number{1, 2, 2} // resource_spans, scope_spans, spans
	toSpanID = []protowire.Number{2}
	toName   = []protowire.Number{5}
)

// each calls found with the value of each field of message at path.
func each(message []byte, path []protowire.Number, found func([]byte) error) error {
	if len(path) == 0 {
		return found(message)
	}
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(number, kind, message[n:])
		if size < 0 {
			return protowire.ParseError(size)
		}
		if number == path[0] {
			value, m := protowire.ConsumeBytes(message[n:])
			if kind != protowire.BytesType || m < 0 {
				return fmt.Errorf("field %d has another type than in opentelemetry-proto", number)
			}
			if err := each(value, path[1:], found); err != nil {
				return err
			}
		}
		message = message[n+size:]
	}
	return nil
}

// pause lets d pass, or ctx end.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
