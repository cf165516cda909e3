package otelx_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// wantError checks that err contains want, or is nil if want is empty.
func wantError(t *testing.T, name string, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%s: error %v, want %q", name, err, want)
	}
}

func TestNewSetsTheGlobals(t *testing.T) {
	s, err := newSDK(t, environ())
	if err != nil || otel.GetTracerProvider() != s.TracerProvider() {
		t.Errorf("the global provider is another; %v", err)
	}
}

func TestDisabledSDKKeepsThePropagatorAlone(t *testing.T) {
	for _, value := range []string{"true", "True", " TRUE "} {
		s, err := newSDK(t, environ("OTEL_SDK_DISABLED="+value))
		if _, ok := otel.GetTracerProvider().(noop.TracerProvider); !ok || err != nil {
			t.Errorf("the global provider is a %T, want the API's no-op; %v", otel.GetTracerProvider(), err)
		}
		if len(otel.GetTextMapPropagator().Fields()) == 0 || s.Resource() == nil || s.Resource().Len() != 0 {
			t.Errorf("fields %q, resource %v", otel.GetTextMapPropagator().Fields(), s.Resource())
		}
	}
}

// Without an exporter spans are sampled all the same, or the trace would break for the services that we call.
func TestExporterNoneKeepsTracing(t *testing.T) {
	s, err := newSDK(t, environ("OTEL_TRACES_EXPORTER=none"), otelx.WithSpill(new(pages)))
	_, sp := s.TracerProvider().Tracer("test").Start(t.Context(), "a")
	sp.End()
	n := s.SpillPending(t.Context())
	if err != nil || !sp.SpanContext().IsSampled() || s.Stats() != (otelx.Stats{Breaker: "closed"}) || n != 0 {
		t.Errorf("sampled %t, %+v, %d spilled, %v", sp.SpanContext().IsSampled(), s.Stats(), n, err)
	}
}

// console returns an SDK that writes spans to a pipe instead of standard output.
func console(t *testing.T) (s *otelx.SDK, r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	defer func() { os.Stdout = stdout }()
	s, err = newSDK(t, environ("OTEL_TRACES_EXPORTER=console"))
	if err != nil {
		t.Error(err)
	}
	return s, r, w
}

func TestConsoleWritesALineForEachSpan(t *testing.T) {
	s, r, w := console(t)
	span(s, "one")
	span(s, "two")
	if err := errors.Join(s.ForceFlush(t.Context()), w.Close()); err != nil {
		t.Error(err)
	}
	out, err := io.ReadAll(r)
	lines := strings.SplitAfter(string(out), "\n")
	if err != nil || len(lines) != 3 || lines[2] != "" {
		t.Fatalf("standard output has %q, error %v", out, err)
	}
	for i, name := range []string{"one", "two"} {
		var request tracepb.TracesData
		if err := protojson.Unmarshal([]byte(lines[i]), &request); err != nil {
			t.Fatal(err)
		}
		if got := request.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans(); len(got) != 1 || got[0].GetName() != name {
			t.Errorf("line %d has %v, want the span %s", i, got, name)
		}
	}
}

func TestConsoleThatFailsKeepsSpans(t *testing.T) {
	s, r, w := console(t)
	if err := errors.Join(r.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	span(s, "a")
	if err := s.ForceFlush(t.Context()); !errors.Is(err, os.ErrClosed) || s.Stats().Pending != 1 {
		t.Errorf("ForceFlush: %v, %+v", err, s.Stats())
	}
}

func TestErrorsAreJoinedAndSayWhatToWrite(t *testing.T) {
	_, err := newSDK(t, environ("OTEL_SDK_DISABLED=yes", "OTEL_TRACES_SAMPLER=sometimes", "OTEL_TRACES_EXPORTER=zipkin",
		"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_BSP_SCHEDULE_DELAY=5s",
		"OTEL_SPAN_LINK_COUNT_LIMIT=many", "OTEL_RESOURCE_ATTRIBUTES=a=b,c", "OTEL_BSP_MAX_QUEUE_SIZE=0", "OTEL_PROPAGATORS=xray,baggage",
		"EPILOGUE_SPILL=stdout", "EPILOGUE_SPILL_MAX_BYTES=1MB", "EPILOGUE_LAST_RESORT=stderr", "EPILOGUE_LAST_RESORT_MAX_BYTES=5", "OTEL_CONFIG_FILE=/etc/otel.yaml"),
		otelx.WithMaxRequestSize(16<<10-1), otelx.WithMaxRequestSize(64<<20+1), otelx.WithMaxExportBatchSize(-5), otelx.WithSpillMaxBytes(0),
		otelx.WithTimeout(-time.Second), otelx.WithScheduleDelay(-1), otelx.WithExportTimeout(-1), otelx.WithCompression("zstd"),
		otelx.WithNamedPropagator("mine", mine{}))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`OTEL_SDK_DISABLED="yes": unknown (write true or false)`,
		`OTEL_TRACES_SAMPLER="sometimes": unknown (write parentbased_always_on, parentbased_always_off, parentbased_traceidratio, always_on, always_off or traceidratio)`,
		`OTEL_TRACES_EXPORTER="zipkin": unknown (write otlp, console or none)`,
		`OTEL_EXPORTER_OTLP_ENDPOINT="collector:4318": no scheme (write http://collector:4318); http://localhost:4318/v1/traces is used`,
		`OTEL_EXPORTER_OTLP_PROTOCOL="grpc": not supported (write http/protobuf`,
		`OTEL_BSP_SCHEDULE_DELAY="5s": not a number of milliseconds (write 5000)`,
		`OTEL_SPAN_LINK_COUNT_LIMIT="many": not a whole number (write 0 to 2147483647)`,
		`OTEL_RESOURCE_ATTRIBUTES: entry "c" has no = (write key=value); the whole variable is ignored`,
		`OTEL_BSP_MAX_QUEUE_SIZE="0": out of range (write 1 to 2147483647)`,
		`OTEL_PROPAGATORS="xray,baggage": "xray" is unknown (write none, tracecontext, baggage, b3, b3multi or mine, separated by commas, or add it by otelx.WithNamedPropagator); baggage is used`,
		`EPILOGUE_SPILL="stdout": unknown (write none or stderr)`,
		`EPILOGUE_SPILL_MAX_BYTES="1MB": not a whole number`,
		"EPILOGUE_LAST_RESORT is set and ignored: it is now called EPILOGUE_SPILL",
		"EPILOGUE_LAST_RESORT_MAX_BYTES is set and ignored: it is now called EPILOGUE_SPILL_MAX_BYTES",
		"WithMaxRequestSize(16383): give 16384 to 67108864 bytes",
		"WithMaxRequestSize(67108865): give 16384 to 67108864 bytes",
		"WithMaxExportBatchSize(-5): give a number of items, 1 or more",
		"WithSpillMaxBytes(0): give a number of bytes, 1 or more",
		"WithTimeout(-1s): give a duration of 0 or more",
		"WithScheduleDelay(-1ns): give a duration of 0 or more",
		"WithExportTimeout(-1ns): give a duration of 0 or more",
		`WithCompression("zstd"): give none or gzip`,
		`OTEL_CONFIG_FILE="/etc/otel.yaml": not read (set the OTEL_* variables or options instead)`,
	} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("not once: %s", want)
		}
	}
	t.Log(err)
}

func TestSpanLimits(t *testing.T) {
	x := tracetest.NewInMemoryExporter()
	s, err := newSDK(t, otelx.WithExporter(x), environ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=9", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT=3",
		"OTEL_ATTRIBUTE_COUNT_LIMIT=2", "OTEL_SPAN_EVENT_COUNT_LIMIT=1", "OTEL_SPAN_LINK_COUNT_LIMIT=1", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT=1",
		"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT=0"))
	attrs := []attribute.KeyValue{attribute.String("a", "12345"), attribute.Int("b", 1), attribute.Int("c", 1)}
	link := trace.Link{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}}), Attributes: attrs}
	_, sp := s.TracerProvider().Tracer("test").Start(t.Context(), "a", trace.WithAttributes(attrs...), trace.WithLinks(link, link))
	sp.AddEvent("1")
	sp.AddEvent("2", trace.WithAttributes(attrs...))
	sp.End()
	if err := errors.Join(err, s.ForceFlush(t.Context())); err != nil {
		t.Fatal(err)
	}
	stub := x.GetSpans()[0]
	got := []int{
		len(stub.Attributes), len(stub.Attributes[0].Value.AsString()), len(stub.Events), len(stub.Events[0].Attributes),
		len(stub.Links), len(stub.Links[0].Attributes),
	}
	if diff := gocmp.Diff([]int{2, 3, 1, 1, 1, 0}, got); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
}

func TestPropagators(t *testing.T) {
	const standard = "baggage traceparent tracestate"
	for value, c := range map[string]struct{ want, err string }{
		"":                   {standard, ""},
		"baggage":            {"baggage", ""},
		"none":               {"", ""},
		"mine, baggage,mine": {"baggage mine", ""},
		"Mine,BAGGAGE":       {"baggage mine", ""},
		"b3":                 {"b3", ""},
		"b3multi":            {"x-b3-flags x-b3-sampled x-b3-spanid x-b3-traceid", ""},
		"jaeger":             {standard, `OTEL_PROPAGATORS="jaeger": "jaeger" is unknown`},
		"xray,baggage":       {"baggage", `"xray" is unknown`},
	} {
		_, err := newSDK(t, environ("OTEL_PROPAGATORS="+value), otelx.WithNamedPropagator("mine", propagation.Baggage{}),
			otelx.WithNamedPropagator("Mine", mine{}), otelx.WithNamedPropagator("mine", nil)) // the later one wins
		fields := otel.GetTextMapPropagator().Fields()
		slices.Sort(fields)
		if got := strings.Join(fields, " "); got != c.want {
			t.Errorf("%q: fields %q, want %q", value, got, c.want)
		}
		wantError(t, value, err, c.err)
	}
}

type mine struct{ propagation.Baggage }

func (mine) Fields() []string { return []string{"mine"} }

func TestSampler(t *testing.T) {
	sampled := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled})
	for _, c := range []struct {
		vars string
		want string // whether a root, a child of a sampled and a child of an unsampled span is sampled
		err  string
	}{
		{"", "true true false", ""},
		{"OTEL_TRACES_SAMPLER=always_on", "true true true", ""},
		{"OTEL_TRACES_SAMPLER=ALWAYS_OFF", "false false false", ""},
		{"OTEL_TRACES_SAMPLER=parentbased_always_on", "true true false", ""},
		{"OTEL_TRACES_SAMPLER=parentbased_always_off", "false true false", ""},
		{"OTEL_TRACES_SAMPLER=traceidratio", "true true true", ""},
		{"OTEL_TRACES_SAMPLER=traceidratio OTEL_TRACES_SAMPLER_ARG=0", "false false false", ""},
		{"OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=0", "false true false", ""},
		{"OTEL_TRACES_SAMPLER=traceidratio OTEL_TRACES_SAMPLER_ARG=2", "true true true", `OTEL_TRACES_SAMPLER_ARG="2": not a number from 0 to 1`},
	} {
		s, err := newSDK(t, environ(strings.Fields(c.vars)...))
		wantError(t, c.vars, err, c.err)
		var got []string
		for _, parent := range []trace.SpanContext{{}, sampled, sampled.WithTraceFlags(0)} {
			_, sp := s.TracerProvider().Tracer("test").Start(trace.ContextWithSpanContext(t.Context(), parent), "a")
			got = append(got, map[bool]string{true: "true", false: "false"}[sp.SpanContext().IsSampled()])
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q: sampled %v, want %s", c.vars, got, c.want)
		}
	}
}

func TestIDGenerator(t *testing.T) {
	for _, o := range []otelx.Option{otelx.WithIDGenerator(fixedIDs{}), otelx.Fallback(otelx.WithIDGenerator(fixedIDs{}))} {
		stub, err := exported(t, environ(), o)
		if err != nil || stub.SpanContext.TraceID() != (trace.TraceID{7}) {
			t.Errorf("trace id %v, error %v", stub.SpanContext.TraceID(), err)
		}
	}
}

type fixedIDs struct{}

func (fixedIDs) NewIDs(context.Context) (trace.TraceID, trace.SpanID) {
	return trace.TraceID{7}, trace.SpanID{7}
}
func (fixedIDs) NewSpanID(context.Context, trace.TraceID) trace.SpanID { return trace.SpanID{8} }

func TestResource(t *testing.T) {
	attributes := func(pairs ...string) *resource.Resource {
		var attrs []attribute.KeyValue
		for i := 0; i < len(pairs); i += 2 {
			attrs = append(attrs, attribute.String(pairs[i], pairs[i+1]))
		}
		return resource.NewWithAttributes("https://example.com/schema", attrs...)
	}
	defaults := otelx.Fallback(otelx.WithResource(attributes("service.name", "default", "a", "default", "d", "default")))
	for name, c := range map[string]struct {
		opts []otelx.Option
		want map[string]string
	}{
		"built in": {[]otelx.Option{environ()}, map[string]string{"telemetry.sdk.language": "go", "telemetry.sdk.name": "opentelemetry"}},
		"default":  {[]otelx.Option{environ(), defaults}, map[string]string{"service.name": "default"}},
		"environment beats default": {
			[]otelx.Option{environ("OTEL_RESOURCE_ATTRIBUTES=service.name=env, a=%41b%2C"), defaults},
			map[string]string{"service.name": "env", "a": "Ab,", "d": "default"},
		},
		"service name beats attributes": {
			[]otelx.Option{environ("OTEL_RESOURCE_ATTRIBUTES=service.name=env", "OTEL_SERVICE_NAME=name"), defaults},
			map[string]string{"service.name": "name"},
		},
		"option beats environment, and options add up": {
			[]otelx.Option{
				otelx.WithResource(attributes("b", "option", "c", "option")), environ("OTEL_RESOURCE_ATTRIBUTES=b=env,a=env"),
				defaults, otelx.WithResource(attributes("c", "later")),
			},
			map[string]string{"a": "env", "b": "option", "c": "later", "d": "default"},
		},
	} {
		stub, err := exported(t, c.opts...)
		wantError(t, name, err, "")
		for k, want := range c.want {
			if v, _ := stub.Resource.Set().Value(attribute.Key(k)); v.AsString() != want {
				t.Errorf("%s: %s = %q, want %q", name, k, v.AsString(), want)
			}
		}
	}
	stub, _ := exported(t, environ())
	if v, _ := stub.Resource.Set().Value("service.name"); !strings.HasPrefix(v.AsString(), "unknown_service:") {
		t.Errorf("service.name = %q", v.AsString())
	}
	s, _ := newSDK(t, environ("OTEL_SERVICE_NAME=orders"))
	if v, _ := s.Resource().Set().Value("service.name"); v.AsString() != "orders" {
		t.Errorf("Resource: service.name = %q", v.AsString())
	}
}

// The OpenTelemetry SDK reads the process's variables too. It must neither report a fault a second time nor add attributes.
func TestProcessVariablesAreReadOnce(t *testing.T) {
	const discarded = "; the whole variable is ignored"
	for value, c := range map[string]struct{ want, err string }{
		"a%2Cb=%3D": {"a,b==", ""},
		"a = 1 ,,":  {"a=1", ""},
		"a=%ZZ,b=2": {"", `entry "a=%ZZ" is not percent-encoded (write %25 for %)` + discarded},
	} {
		t.Setenv("OTEL_RESOURCE_ATTRIBUTES", value)
		t.Setenv("OTEL_TRACES_SAMPLER", "xray")
		reported := otelerr.Collect(t)
		stub, err := exported(t)
		wantError(t, value, err, `OTEL_TRACES_SAMPLER="xray": unknown`)
		wantError(t, value, err, cmp.Or(c.err, "OTEL"))
		var got []string
		for _, a := range stub.Resource.Attributes() {
			if len(a.Key) < 4 {
				got = append(got, string(a.Key)+"="+a.Value.AsString())
			}
		}
		if strings.Join(got, " ") != c.want || len(reported()) > 0 {
			t.Errorf("%q: %q, reported %q; want %q", value, got, reported(), c.want)
		}
		if n := strings.Count(err.Error(), "\n"); (n == 1) != (c.err != "") || os.Getenv("OTEL_RESOURCE_ATTRIBUTES") != value {
			t.Errorf("%q: %v, and the variable is %q", value, err, os.Getenv("OTEL_RESOURCE_ATTRIBUTES"))
		}
	}
}

func TestUnknownVariableIsNamed(t *testing.T) {
	t.Setenv("EPILOGUE_SPIL", "stderr")
	for range 2 {
		_, err := newSDK(t, otelx.WithExporter(nullExporter{}))
		wantError(t, "New", err, "EPILOGUE_SPIL is set, but no such variable is known (is EPILOGUE_SPILL meant?)")
	}
	_, err := newSDK(t, environ(), otelx.WithExporter(nullExporter{}))
	wantError(t, "another environment", err, "")
}

// stderr replaces the process's standard error during call, and returns the text written to it.
func stderr(t *testing.T, call func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stderr
	os.Stderr = w
	call()
	os.Stderr = before
	err = w.Close()
	text, readErr := io.ReadAll(r)
	if err := errors.Join(err, readErr); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSpillGoesToStandardErrorWithinItsBound(t *testing.T) {
	for vars, most := range map[string]int{
		"EPILOGUE_SPILL=STDERR": 1 << 20, "EPILOGUE_SPILL=stderr EPILOGUE_SPILL_MAX_BYTES=30000": 30_000, "EPILOGUE_SPILL=none": 0, "": 0,
	} {
		var n int
		text := stderr(t, func() {
			s, err := newSDK(t, environ(strings.Fields(vars)...), otelx.WithExporter(nullExporter{}))
			wantError(t, vars, err, "")
			s.SetBackgroundExport(false)
			f := &fixture{T: t, sdk: s}
			f.endLarge(slices.Repeat([]int{2}, 20)...)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			n = s.SpillPending(ctx)
		})
		if want := min(most, 20<<11); len(text) > most || (n > 0) != (most > 0) || len(text) < want*9/10 {
			t.Errorf("%q: %d bytes of %d spans, want %d", vars, len(text), n, want)
		}
	}
}

// Each option that has a variable reaches the export.
func TestOptionsOfTheExport(t *testing.T) {
	contract(t, func(f *fixture) {
		f.sdk.SetBackgroundExport(true)
		f.fails(otlpreceiver.Fault{Hang: true})
		f.end("a")
		if o := f.flush(0); o.err == nil || o.took > 200*ms {
			f.Errorf("ForceFlush: %v after %v, want the export timeout", o.err, o.took)
		}
		if n, _ := f.requests(); n < 2 || n > 6 {
			f.Errorf("%d requests, want some of 30 ms", n)
		}
		f.works()
		time.Sleep(time.Minute)
		_ = f.flush(time.Second)
		f.end("b")
		time.Sleep(70 * ms)
		f.wantDelivered("a b")
		requests := f.backend.Requests()
		if r := requests[len(requests)-1]; r.Encoding != "gzip" || r.Header.Get("X-A") != "b" {
			f.Errorf("request %+v", r)
		}
	}, otelx.WithHeaders(map[string]string{"X-A": "b"}), otelx.WithCompression("gzip"), otelx.WithTimeout(30*ms),
		otelx.WithScheduleDelay(70*ms), otelx.WithExportTimeout(200*ms))
}

func TestOptionsOfCertificates(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.StartTLS()
	defer srv.Close()
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	authorities, client := otelx.WithCertificate(pool), otelx.WithClientCertificate(srv.TLS.Certificates...)
	for name, c := range map[string]struct {
		opts []otelx.Option
		want string
	}{
		"both":         {[]otelx.Option{authorities, client}, ""},
		"no authority": {[]otelx.Option{client}, "certificate signed by unknown authority"},
		"no client":    {[]otelx.Option{authorities}, "certificate required"},
	} {
		s, err := newSDK(t, append(c.opts, environ("OTEL_EXPORTER_OTLP_ENDPOINT="+srv.URL))...)
		span(s, "a")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // the first handshake reads the system's authorities
		wantError(t, name, errors.Join(err, s.ForceFlush(ctx)), c.want)
		cancel()
	}
}

func TestOptionsOfSpans(t *testing.T) {
	_, err := newSDK(t, environ("OTEL_PROPAGATORS=baggage"), otelx.WithPropagator(mine{}), otelx.WithDisabled(true))
	if _, noop := otel.GetTracerProvider().(noop.TracerProvider); err != nil || !noop || otel.GetTextMapPropagator().Fields()[0] != "mine" {
		t.Errorf("provider %T, fields %q, %v", otel.GetTracerProvider(), otel.GetTextMapPropagator().Fields(), err)
	}
	s, _ := newSDK(t, environ("OTEL_SDK_DISABLED=true"), otelx.WithDisabled(false), otelx.WithSampler(sdktrace.NeverSample()))
	span(s, "a")
	if st := s.Stats(); st.Ended != 0 {
		t.Errorf("a span that is not sampled counts: %+v", st)
	}
	limits := sdktrace.NewSpanLimits()
	limits.AttributeCountLimit = 1
	x, p := tracetest.NewInMemoryExporter(), new(pages)
	s, _ = newSDK(t, environ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=7"), otelx.WithSpanLimits(limits), otelx.WithExporter(x), otelx.WithSpill(p),
		otelx.WithSpillMaxBytes(100))
	_, sp := s.TracerProvider().Tracer("test").Start(t.Context(), "a", trace.WithAttributes(attribute.Int("a", 1), attribute.Int("b", 2)))
	sp.End()
	if n := s.SpillPending(t.Context()); n != 0 {
		t.Errorf("%d spans spilled in 100 bytes", n)
	}
	if log := s.LogValue().String(); !strings.Contains(log, "1") {
		t.Errorf("LogValue: %s", log)
	}
	if err := s.ForceFlush(t.Context()); err != nil || len(x.GetSpans()[0].Attributes) != 1 {
		t.Errorf("attributes %v, %v", x.GetSpans()[0].Attributes, err)
	}
}

// A DropError lists each reason with its count, and unwraps to the backend's words.
func TestDropError(t *testing.T) {
	err := &otelx.DropError{Dropped: otelx.Dropped{QueueFull: 1, Rejected: 2, Refused: 3, TooLarge: 4, AfterShutdown: 5}, Cause: io.EOF}
	const want = "15 spans dropped: 1 the queue was full, 2 rejected by the backend, 3 refused by the backend permanently, " +
		"4 too large for a request, 5 ended after Shutdown (EOF)"
	if err.Error() != want || !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want %s", err, want)
	}
	if got := (&otelx.DropError{Dropped: otelx.Dropped{TooLarge: 1}}).Error(); got != "1 spans dropped: 1 too large for a request" {
		t.Errorf("got %s", got)
	}
}
