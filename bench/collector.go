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

// collector takes spans by OTLP over HTTP and over gRPC, remembers their ids and names, and does no more: what a rival is charged
// with, waiting for it before the response, is not to be the collector's own work. It answers a request a round trip
// after it has arrived, as if it were that far away; opening a connection takes no longer than on loopback.
type collector struct {
	httpURL, grpcURL string
	http             *http.Server
	grpc             *grpc.Server
	serving          sync.WaitGroup

	mu        sync.Mutex
	roundTrip time.Duration
	arrived   map[string]string // name by span id
	last      []byte            // the request that came last, by HTTP
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
		c.keep(body)
		err = c.take(r.Context(), body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf") // of an empty answer: everything was accepted
}

// serveGRPC takes the one message of any call. To protobuf all of its fields are unknown ones of an Empty.
func (c *collector) serveGRPC(_ any, stream grpc.ServerStream) error {
	var m emptypb.Empty
	if err := stream.RecvMsg(&m); err != nil {
		return err
	}
	if err := c.take(stream.Context(), m.ProtoReflect().GetUnknown()); err != nil {
		return err
	}
	return stream.SendMsg(&emptypb.Empty{})
}

// take remembers the spans of an ExportTraceServiceRequest and waits for the round trip.
func (c *collector) take(ctx context.Context, body []byte) error {
	c.mu.Lock()
	wait := c.roundTrip
	err := each(body, toSpans, c.remember)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return pause(ctx, wait)
}

// keep remembers a request as the last.
func (c *collector) keep(body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = body
}

// lastRequest returns the request that came last by HTTP.
func (c *collector) lastRequest() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// setRoundTrip puts the collector at another distance.
func (c *collector) setRoundTrip(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.roundTrip = d
}

// takeCounts returns how many spans have come since the last call, by name. One that came twice counts once.
func (c *collector) takeCounts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := make(map[string]int)
	for _, name := range c.arrived {
		counts[name]++
	}
	clear(c.arrived)
	return counts
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

// Ways through the messages of opentelemetry-proto's trace.proto, by the fields' numbers.
var (
	toSpans  = []protowire.Number{1, 2, 2} // resource_spans, scope_spans, spans
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
				return fmt.Errorf("field %d of trace.proto has another type", number)
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
