package xray

import (
	"bytes"
	"context"
	"encoding/base64"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/epilogue-go/epilogue/lambdatest/xraydaemon"
	"github.com/epilogue-go/epilogue/otelx"
)

// decoded takes a datagram apart, byte by byte, by the official types.
func decoded(t *testing.T, datagram []byte) (spans []*tracepb.Span) {
	t.Helper()
	text, found := bytes.CutPrefix(datagram, []byte("{\"format\":\"json\",\"version\":1}\nT1S"))
	request, err := base64.StdEncoding.DecodeString(string(text))
	var traces tracepb.TracesData // has the wire form of an ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(request, &traces)
	}
	if !found || err != nil || base64.StdEncoding.EncodeToString(request) != string(text) {
		t.Fatalf("no datagram of spans (%v): %.80q", err, datagram)
	}
	if len(datagram) > 65_507 {
		t.Errorf("a datagram of %d bytes", len(datagram))
	}
	for _, rs := range traces.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			spans = append(spans, ss.GetSpans()...)
		}
	}
	return spans
}

// listen starts a daemon on loopback.
func listen(t *testing.T, address string) *xraydaemon.Daemon {
	t.Helper()
	d := xraydaemon.New(xraydaemon.Config{})
	if err := d.Listen(address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func patience(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestSpansReachADaemon(t *testing.T) {
	for name, set := range map[string]func(address string) (map[string]string, otelx.Option){
		"by option":     func(a string) (map[string]string, otelx.Option) { return nil, UDP(a) },
		"in both forms": func(a string) (map[string]string, otelx.Option) { return nil, UDP("tcp:127.0.0.1:1 udp:" + a) },
		"by variable": func(a string) (map[string]string, otelx.Option) {
			return map[string]string{daemonAddressKey: " " + a}, UDP("")
		},
		"option beats it": func(a string) (map[string]string, otelx.Option) {
			return map[string]string{daemonAddressKey: "127.0.0.1:1"}, UDP(a)
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := listen(t, "127.0.0.1:0")
			env, opt := set(d.Address())
			s := mustSDK(t, env, opt)
			end(s, "a", 2, 10)
			if err := s.ForceFlush(t.Context()); err != nil {
				t.Fatal(err)
			}
			spans, err := d.WaitSpans(patience(t), 2)
			if err != nil || len(spans) != 2 || spans[0].Name != "a" || spans[0].Attributes["a"] != "xxxxxxxxxx" {
				t.Errorf("%v: %+v", err, spans)
			}
			if n := len(d.Datagrams()); n != 1 {
				t.Errorf("%d datagrams", n)
			}
			wantAccount(t, s, otelx.Stats{Ended: 2, Exported: 2})
		})
	}
}

// TestSizesAroundTheLimit: spans of every size near it are delivered whole, or with an attribute that is cut to fill a datagram.
func TestSizesAroundTheLimit(t *testing.T) {
	s := new(socket)
	sdk := mustSDK(t, nil, s.options(), otelx.WithMaxQueueSize(2000))
	const least, n = 48_700, 250
	for size := least; size < least+n; size++ {
		end(sdk, strconv.Itoa(size), 1, size)
	}
	if err := sdk.ForceFlush(t.Context()); err != nil {
		t.Error(err)
	}
	largest, cut := 0, 0
	for _, datagram := range s.datagrams {
		largest = max(largest, len(datagram))
		for _, span := range decoded(t, datagram) {
			got := span.GetAttributes()[0].GetValue().GetStringValue()
			switch {
			case strings.HasSuffix(got, "… (cut, "+span.GetName()+" bytes)") && len(datagram) > 65_480:
				cut++
			case strconv.Itoa(len(got)) != span.GetName():
				t.Errorf("span %s has %d bytes", span.GetName(), len(got))
			}
		}
	}
	if largest < 65_501 || cut == 0 || cut == n {
		t.Errorf("the largest datagram has %d bytes; %d of %d attributes are cut", largest, cut, n)
	}
	wantAccount(t, sdk, otelx.Stats{Ended: n, Exported: n})
}

// TestSpanWithManyLinks: that of a batch of 128 messages arrives, without the trace states for which a datagram has no room.
func TestSpanWithManyLinks(t *testing.T) {
	s := new(socket)
	sdk := mustSDK(t, nil, s.options())
	state, err := trace.ParseTraceState("vendor=" + strings.Repeat("x", 250) + ",other=" + strings.Repeat("y", 250))
	if err != nil {
		t.Fatal(err)
	}
	links := make([]trace.Link, 128)
	for i := range links {
		links[i].SpanContext = trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{15: byte(i + 1)}, SpanID: trace.SpanID{7: byte(i + 1)}, TraceState: state, Remote: true,
		})
	}
	_, span := sdk.TracerProvider().Tracer("test").Start(t.Context(), "batch", trace.WithLinks(links...))
	span.End()
	if err := sdk.ForceFlush(t.Context()); err != nil {
		t.Error(err)
	}
	got := decoded(t, s.datagrams[0])
	if len(got) != 1 || len(got[0].GetLinks()) != 128 || got[0].GetLinks()[127].GetSpanId()[7] != 128 {
		t.Errorf("%d spans", len(got))
	}
	wantAccount(t, sdk, otelx.Stats{Ended: 1, Exported: 1})
}

// A system whose datagrams are smaller gets smaller ones, and no span is lost for it.
func TestSmallerDatagrams(t *testing.T) {
	s := &socket{most: 9216} // macOS, net.inet.udp.maxdgram
	sdk := mustSDK(t, nil, s.options())
	end(sdk, "span", 500, 400)
	end(sdk, "large", 1, 8000)
	if err := sdk.ForceFlush(t.Context()); err != nil {
		t.Error(err)
	}
	wantAccount(t, sdk, otelx.Stats{Ended: 501, Exported: 501})
}

func TestBadAddressIsAnError(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		opt  otelx.Option
		want string
	}{
		{nil, UDP("daemon"), `xray.UDP("daemon"): no host and port (write host:port, or tcp:host:port udp:host:port); spans go by OTLP over HTTP`},
		{map[string]string{daemonAddressKey: "x:0"}, UDP(""), daemonAddressKey + `="x:0": no valid port`},
		{nil, UDP(strings.Repeat("x", 500)), strings.Repeat("x", 120) + `"): no host`},
	} {
		s, err := newSDK(t, c.env, c.opt)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v; want %q", err, c.want)
		}
		if s.TracerProvider() == nil {
			t.Error("no provider")
		}
	}
}

// TestDaemonAbsent: a daemon on this machine that does not listen is noticed, spans are kept, and when it is there they
// are delivered. How soon it is noticed is the kernel's affair.
func TestDaemonAbsent(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("only Linux tells the state of the socket")
	}
	free := xraydaemon.New(xraydaemon.Config{})
	if err := free.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	address := free.Address()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	s := mustSDK(t, nil, UDP(address))
	var err error
	ended := int64(0)
	for ; err == nil; ended++ {
		if ended == 1000 {
			t.Fatal("1000 flushes without a listener, and none failed")
		}
		end(s, "a", 1, 10)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err = s.ForceFlush(ctx)
		cancel()
	}
	if !strings.Contains(err.Error(), "no process listens at "+address+" (udp); is the address of xray.UDP right?") {
		t.Error(err)
	}
	if got := s.Stats(); got.Pending != 1 || got.Exported != ended-1 || got.Dropped.Total() != 0 {
		t.Errorf("%d ended: %+v", ended, got)
	}
	d := xraydaemon.New(xraydaemon.Config{})
	if err := d.Listen(address); err != nil {
		t.Skipf("the port is taken: %v", err)
	}
	defer func() { _ = d.Close() }()
	ctx := patience(t)
	if err := s.Shutdown(ctx); err != nil { // which tries whatever the breaker says
		t.Error(err)
	}
	if _, err := d.WaitSpans(ctx, 1); err != nil {
		t.Error(err)
	}
	wantAccount(t, s, otelx.Stats{Ended: ended, Exported: ended})
}

var _ net.Conn = (*socket)(nil)

// TestDatagramsAreFilled: a batch goes out in as few datagrams as hold it.
func TestDatagramsAreFilled(t *testing.T) {
	d := listen(t, "127.0.0.1:0")
	s := mustSDK(t, nil, UDP(d.Address()))
	end(s, "a", 260, 400)
	if err := s.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.WaitSpans(patience(t), 260); err != nil {
		t.Error(err)
	}
	sizes := 0
	datagrams := d.Datagrams()
	for _, g := range datagrams[:len(datagrams)-1] {
		sizes += len(g.Data)
	}
	if n := len(datagrams); n < 3 || sizes < 64_000*(n-1) {
		t.Errorf("%d datagrams, all but the last with %d bytes together", n, sizes)
	}
}
