package awslambda_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/lambdatest/xraydaemon"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
	"github.com/epilogue-go/epilogue/otelx/xray"
)

// TestWhereSpansGo is the table of Defaults: whether a span goes to the daemon, to a collector or to neither.
// In the variables, DAEMON and COLLECTOR stand for their addresses.
func TestWhereSpansGo(t *testing.T) {
	const (
		daemon, general = "AWS_XRAY_DAEMON_ADDRESS", "OTEL_EXPORTER_OTLP_ENDPOINT"
		exporter        = "OTEL_TRACES_EXPORTER"
	)
	outside := map[string]string{"AWS_LAMBDA_FUNCTION_NAME": "", daemon: "DAEMON"}
	type env = map[string]string
	for name, c := range map[string]struct {
		env  env
		opts func(daemon, collector string) []otelx.Option
		want string // daemon, collector or neither
		err  string
	}{
		"daemon":               {env{daemon: "DAEMON"}, nil, "daemon", ""},
		"daemon, both forms":   {env{daemon: "tcp:127.0.0.1:1 udp:DAEMON"}, nil, "daemon", ""},
		"endpoint":             {env{daemon: "DAEMON", general: "COLLECTOR"}, nil, "collector", ""},
		"bad endpoint":         {env{daemon: "DAEMON", general: "collector:4318"}, nil, "daemon", "no scheme (write http://collector:4318); the X-Ray daemon at "},
		"none":                 {env{daemon: "DAEMON", exporter: "none"}, nil, "neither", ""},
		"no daemon":            {env{}, nil, "neither", ""},
		"bad daemon":           {env{daemon: "nowhere"}, nil, "neither", `AWS_XRAY_DAEMON_ADDRESS="nowhere": no host and port`},
		"bad daemon, endpoint": {env{daemon: "nowhere", general: "COLLECTOR"}, nil, "collector", ""},
		"outside Lambda":       {outside, nil, "neither", ""},
		"option for an endpoint": {env{daemon: "DAEMON"}, func(_, c string) []otelx.Option {
			return []otelx.Option{otelx.WithEndpoint(c + "/v1/traces")}
		}, "collector", ""},
		"option for a daemon": {env{daemon: "127.0.0.1:1", general: "COLLECTOR"}, func(d, _ string) []otelx.Option {
			return []otelx.Option{xray.UDP(d)}
		}, "daemon", ""},
		"option for a daemon, bad variable": {env{daemon: "nowhere"}, func(d, _ string) []otelx.Option {
			return []otelx.Option{xray.UDP(d)}
		}, "daemon", ""},
		"option for a daemon, X-Ray by http": {env{daemon: "nowhere", general: "http://xray.eu-west-1.amazonaws.com"}, func(d, _ string) []otelx.Option {
			return []otelx.Option{xray.UDP(d)}
		}, "daemon", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d, r := receivers(t)
			at := strings.NewReplacer("DAEMON", d.Address(), "COLLECTOR", r.Endpoint())
			vars, limit := env{}, time.Minute
			if c.want == "neither" {
				limit = 100 * time.Millisecond
			}
			for k, v := range c.env {
				vars[k] = at.Replace(v)
			}
			var opts []otelx.Option
			if c.opts != nil {
				opts = c.opts(d.Address(), r.Endpoint())
			}
			before, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
			s, err := otelx.New(t.Context(), append(opts, awslambda.Defaults(), with(vars), otelx.WithDialer(dial))...)
			otel.SetTracerProvider(before)
			otel.SetTextMapPropagator(propagator)
			if c.err == "" && err != nil || c.err != "" && (err == nil || strings.Count(err.Error(), c.err) != 1) {
				t.Errorf("New: %v; want %q", err, c.err)
			}
			_, span := s.TracerProvider().Tracer("test").Start(t.Context(), "a")
			span.End()
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			if err := s.ForceFlush(ctx); c.want != "neither" && err != nil {
				t.Errorf("ForceFlush: %v", err)
			}
			if c.want == "daemon" {
				if _, err := d.WaitSpans(ctx, 1); err != nil {
					t.Error(err)
				}
			}
			done, end := context.WithTimeout(t.Context(), time.Millisecond)
			defer end()
			_ = s.Shutdown(done)
			if err := d.Close(); err != nil { // read datagrams are kept then
				t.Error(err)
			}
			got := "neither"
			switch {
			case len(d.Spans()) > 0:
				got = "daemon"
			case len(r.Spans()) > 0:
				got = "collector"
			}
			if got != c.want || len(d.Spans())+len(r.Spans()) > 1 {
				t.Errorf("%d spans at the daemon, %d at the collector; want %s", len(d.Spans()), len(r.Spans()), c.want)
			}
		})
	}
}

// dial connects to all but the default endpoint, where a process may listen.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	if address == "localhost:4318" {
		return nil, errors.New("no dial is expected")
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

func receivers(t *testing.T) (*xraydaemon.Daemon, *otlpreceiver.Receiver) {
	t.Helper()
	d, r := xraydaemon.New(xraydaemon.Config{}), otlpreceiver.New(otlpreceiver.Config{})
	t.Cleanup(func() { _, _ = d.Close(), r.Close() })
	if err := d.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if err := r.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	return d, r
}

// A function whose endpoint is X-Ray's asks for no more than its variables. The tests of otelx/xray cover the signature.
func TestXRayEndpointIsRecognised(t *testing.T) {
	before, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	s, err := otelx.New(t.Context(), awslambda.Defaults(), with(map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "https://xray.eu-central-1.amazonaws.com", "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:1",
	}))
	otel.SetTracerProvider(before)
	otel.SetTextMapPropagator(propagator)
	if err != nil {
		t.Error(err)
	}
	_, span := s.TracerProvider().Tracer("test").Start(t.Context(), "a")
	span.End()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err = s.ForceFlush(ctx)
	if err == nil || !strings.Contains(err.Error(), "send to https://xray.eu-central-1.amazonaws.com/v1/traces: sign request: retrieve AWS credentials") {
		t.Errorf("without credentials: %v", err)
	}
	done, end := context.WithTimeout(t.Context(), time.Millisecond)
	defer end()
	_ = s.Shutdown(done)
}
