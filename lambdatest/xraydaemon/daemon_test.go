package xraydaemon_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/xraydaemon"
)

const line = `{"format":"json","version":1}` + "\n"

// request is an OTLP request of spans with these names, in base64.
func request(tb testing.TB, names ...string) string {
	tb.Helper()
	var spans []*tracepb.Span
	for i, name := range names {
		spans = append(spans, &tracepb.Span{TraceId: []byte("0123456789abcdef"), SpanId: []byte{byte(i), 2, 3, 4, 5, 6, 7, 8}, Name: name})
	}
	data, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{{
			Key: "service.name", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: "orders"}},
		}}},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: spans}},
	}}})
	if err != nil {
		tb.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(data)
}

// listen starts a daemon on loopback and returns a socket that is connected to it.
func listen(t *testing.T, log *eventlog.Log) (*xraydaemon.Daemon, net.Conn) {
	t.Helper()
	d := xraydaemon.New(xraydaemon.Config{Log: log})
	t.Cleanup(func() {
		if err := errors.Join(d.Close(), d.Close()); err != nil {
			t.Error(err)
		}
	})
	if err := d.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "udp", d.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return d, conn
}

func send(t *testing.T, conn net.Conn, datagram string) {
	t.Helper()
	if _, err := conn.Write([]byte(datagram)); err != nil {
		t.Fatal(err)
	}
}

func TestSpansAreKept(t *testing.T) {
	log := new(eventlog.Log)
	d, conn := listen(t, log)
	began := time.Now().Truncate(time.Microsecond)
	send(t, conn, line+"T1S"+request(t, "a", "b"))
	send(t, conn, line+"T1U"+request(t, "c"))
	send(t, conn, line+"T1S"+request(t, "d"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	spans, err := d.WaitSpans(ctx, 3)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range spans {
		names = append(names, s.Name)
	}
	if got := strings.Join(names, " "); got != "a b d" || spans[0].Service() != "orders" || spans[2].Request != 3 || spans[2].Arrived.Before(began) || spans[0].Arrived.After(time.Now()) {
		t.Errorf("spans %q: %+v", got, spans)
	}
	var told []string
	for _, e := range log.Events() {
		told = append(told, e.String())
	}
	from := " who=" + conn.LocalAddr().String()
	want := []string{
		"xray.datagram" + from + " detail=datagram 1: kept count=2",
		"xray.datagram" + from + " detail=datagram 2: not sampled",
		"xray.datagram" + from + " detail=datagram 3: kept count=1",
	}
	if got := strings.Join(told, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("log:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
}

func TestWhatIsNoneIsRefused(t *testing.T) {
	log := new(eventlog.Log)
	d, conn := listen(t, log)
	whole := request(t, "a")
	cases := []struct{ datagram, outcome string }{
		{"T1S" + whole, "first line is missing"},
		{`{"format":"json","version":2}` + "\nT1S" + whole, "first line is missing"},
		{line + `{"trace_id":"1-5759e988-bd862e3fe1be46a994272793"}`, "a segment of an X-Ray SDK?"},
		{line + "T1S" + whole + "=", "decode base64"},
		{line + "T1S" + whole + "A", "decode base64"},
		{line + "T1S" + whole + "\n", "a line break"},
		{line + "T1S" + base64.StdEncoding.EncodeToString([]byte("{}")), "decode request"},
		{line + "T1S", "kept"}, // no spans are a request too
	}
	for _, c := range cases {
		send(t, conn, c.datagram)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := log.Wait(ctx, 0, func(e eventlog.Event) bool { return e.Kind == xraydaemon.KindDatagram }); err != nil {
		t.Fatal(err)
	}
	for i, g := range d.Datagrams() {
		if !strings.Contains(g.Outcome, cases[i].outcome) || g.Number != i+1 || string(g.Data) != cases[i].datagram {
			t.Errorf("datagram %d, %q: %s; want %q", g.Number, g.Data, g.Outcome, cases[i].outcome)
		}
	}
	if n := len(d.Spans()); n != 0 {
		t.Errorf("%d spans kept", n)
	}
}

// WaitQuiet's caller sees all datagrams sent before it, and no mark.
func TestWaitQuiet(t *testing.T) {
	log := new(eventlog.Log)
	d, conn := listen(t, log)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for n := 1; n <= 20; n++ {
		send(t, conn, line+"T1S"+request(t, "a"))
		if err := d.WaitQuiet(ctx); err != nil || len(d.Spans()) != n || len(log.Events()) != n || len(d.Datagrams()) != n {
			t.Fatalf("%v; %d spans of %d, %d events", err, len(d.Spans()), n, len(log.Events()))
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	short, end := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer end()
	if err := d.WaitQuiet(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("WaitQuiet after Close: %v", err)
	}
}

func TestClosed(t *testing.T) {
	d := xraydaemon.New(xraydaemon.Config{})
	if d.Address() != "" {
		t.Errorf("address %q before it listens", d.Address())
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if err := d.Listen("127.0.0.1:0"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Listen after Close: %v", err)
	}
	if err := xraydaemon.New(xraydaemon.Config{}).Listen("nowhere"); err == nil {
		t.Error("Listen on no address: no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.WaitSpans(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("WaitSpans: %v", err)
	}
}

// A PacketConn that is closed in its own words once kept a goroutine busy, and Close waiting for it, forever.
func TestConnThatFailsForGood(t *testing.T) {
	for name, kept := range map[string]int{"at once": 0, "after some that are of datagrams": 1} {
		t.Run(name, func(t *testing.T) {
			conn := &broken{closed: make(chan struct{})}
			if kept > 0 {
				conn.answers = []string{"", "", line + "T1S" + request(t, "a")}
			}
			d := xraydaemon.New(xraydaemon.Config{})
			if err := d.Serve(conn); err != nil {
				t.Fatal(err)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			if n := len(d.Spans()); n != kept {
				t.Errorf("%d spans, want %d", n, kept)
			}
		})
	}
}

// broken is a net.PacketConn that has answers, of which the empty ones are errors, and then fails when it is closed.
type broken struct {
	net.PacketConn

	answers []string
	closed  chan struct{}
}

func (b *broken) ReadFrom(p []byte) (int, net.Addr, error) {
	if len(b.answers) == 0 {
		<-b.closed
		return 0, nil, io.ErrClosedPipe
	}
	answer := b.answers[0]
	b.answers = b.answers[1:]
	if answer == "" {
		return 0, nil, errors.New("a datagram is lost")
	}
	return copy(p, answer), nil, nil
}

func (b *broken) LocalAddr() net.Addr { return &net.UDPAddr{} }

func (b *broken) Close() error {
	close(b.closed)
	return nil
}

// FuzzDatagram: whatever arrives, the daemon goes on.
func FuzzDatagram(f *testing.F) {
	f.Add([]byte(line + "T1S" + request(f, "a")))
	f.Add([]byte(line + "T1U"))
	f.Add([]byte(line + "T1S===="))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || strings.HasPrefix(string(data), "mark of ") {
			t.Skip() // an error of broken, or as if of WaitQuiet
		}
		log := new(eventlog.Log)
		d := xraydaemon.New(xraydaemon.Config{Log: log})
		if err := d.Serve(&broken{answers: []string{string(data)}, closed: make(chan struct{})}); err != nil {
			t.Fatal(err)
		}
		if _, err := log.Wait(t.Context(), 0, func(eventlog.Event) bool { return true }); err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if len(d.Datagrams()) == 0 {
			t.Fatal("not recorded")
		}
		g := d.Datagrams()[0]
		if kept := len(d.Spans()); g.Outcome == "kept" && kept != g.Spans || g.Outcome != "kept" && kept != 0 {
			t.Errorf("%+v, %d kept", g, kept)
		}
	})
}
