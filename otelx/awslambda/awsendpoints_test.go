package awslambda_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
	"github.com/epilogue-go/epilogue/otelx/internal/awstest"
)

// aws are AWS's OTLP endpoints in one region, and a function that sends there.
type aws struct {
	*testing.T
	env                   map[string]string
	network               lambdatest.Network
	traces, metrics, logs *awstest.Endpoint
	sdk                   *otelx.SDK
}

// hosts is the form of the hosts; %s is the service.
const hosts = "%s.eu-west-1.amazonaws.com"

// newAWS starts the endpoints at hosts of a form in region. The function starts with start.
func newAWS(t *testing.T, form, region string) *aws {
	a := &aws{T: t, env: maps.Clone(function)}
	maps.Copy(a.env, awstest.Env())
	serve := func(service, signal, path string) *awstest.Endpoint {
		e := awstest.Serve(t, &a.network, fmt.Sprintf(form, service), service, region)
		a.env["OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT"] = "https://" + fmt.Sprintf(form, service) + path
		a.env["OTEL_EXPORTER_OTLP_"+signal+"_CERTIFICATE"] = e.Certificate
		return e
	}
	a.traces = serve("xray", "TRACES", "/v1/traces")
	a.metrics = serve("monitoring", "METRICS", "/v1/metrics")
	a.logs = serve("logs", "LOGS", "/v1/logs")
	return a
}

// start starts the function and returns the error of New. The SDK is shut down when the test ends.
func (a *aws) start(opts ...otelx.Option) (err error) {
	tracers, propagator, meters, loggers := otel.GetTracerProvider(), otel.GetTextMapPropagator(), otel.GetMeterProvider(), otel.GetLoggerProvider()
	a.sdk, err = otelx.New(a.Context(), append([]otelx.Option{
		awslambda.Defaults(), otelx.WithMetrics(), otelx.WithLogs(), otelx.WithDialer(a.network.DialContext),
		otelx.WithGetenv(func(key string) string { return a.env[key] }),
	}, opts...)...)
	otel.SetTracerProvider(tracers)
	otel.SetTextMapPropagator(propagator)
	otel.SetMeterProvider(meters)
	otel.SetLoggerProvider(loggers)
	a.sdk.SetBackgroundExport(false)
	a.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.WithoutCancel(a.Context()))
		cancel()
		_ = a.sdk.Shutdown(ctx)
	})
	return err
}

// mustStart starts the function.
func (a *aws) mustStart(opts ...otelx.Option) {
	a.Helper()
	if err := a.start(opts...); err != nil {
		a.Fatal(err)
	}
}

// emit makes one item of each signal.
func (a *aws) emit() {
	ctx, span := a.sdk.TracerProvider().Tracer("test").Start(a.Context(), "span")
	counter, _ := a.sdk.MeterProvider().Meter("test").Int64Counter("counter")
	counter.Add(ctx, 1)
	a.log(ctx, "record")
	span.End()
}

func (a *aws) log(ctx context.Context, body string) {
	var r log.Record
	r.SetBody(attribute.StringValue(body))
	a.sdk.LoggerProvider().Logger("test").Emit(ctx, r)
}

// flush makes a flush of two seconds.
func (a *aws) flush() error {
	ctx, cancel := context.WithTimeout(a.Context(), 2*time.Second)
	defer cancel()
	return a.sdk.ForceFlush(ctx)
}

// TestAWSEndpoints: each signal is signed for its service and for the region of its host, whatever form the host has.
func TestAWSEndpoints(t *testing.T) {
	for _, c := range []struct{ hosts, region, compression string }{
		{hosts, "eu-west-1", ""},
		{hosts, "eu-west-1", "gzip"},
		{"%s.cn-north-1.amazonaws.com.cn", "cn-north-1", ""},
		{"%s-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", ""},
		{"%s.us-east-2.api.aws", "us-east-2", "gzip"},
		{"vpce-0123-abcd.%s.us-east-2.vpce.amazonaws.com", "us-east-2", ""},
	} {
		t.Run(c.hosts+c.compression, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAWS(t, c.hosts, c.region)
				a.env["OTEL_EXPORTER_OTLP_COMPRESSION"] = c.compression
				a.mustStart()
				a.emit()
				if err := a.flush(); err != nil {
					t.Error(err)
				}
				for _, e := range []*awstest.Endpoint{a.traces, a.metrics, a.logs} {
					e.WantSigned(t, 1)
					header := e.Got()[0].Header
					if got := header.Get("Content-Encoding"); got != c.compression || e.Got()[0].ProtoMajor != 1 {
						t.Errorf("%s by %s: headers %v", e.Service, e.Got()[0].Proto, header)
					}
				}
				if len(a.traces.Spans()) != 1 || len(a.metrics.DataPoints()) != 1 || len(a.logs.LogRecords()) != 1 {
					t.Errorf("%d spans, %d data points, %d log records", len(a.traces.Spans()), len(a.metrics.DataPoints()), len(a.logs.LogRecords()))
				}
			})
		})
	}
}

// TestAWSLimits: no setting leads beyond the limits of the endpoints for metrics and logs. otelx/xray has the test for traces.
func TestAWSLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAWS(t, hosts, "eu-west-1")
		a.env["OTEL_BLRP_MAX_EXPORT_BATCH_SIZE"], a.env["EPILOGUE_MAX_REQUEST_SIZE"] = "2000", "67108864"
		a.mustStart(otelx.WithMetrics(otelx.WithCardinalityLimit(0), otelx.WithMaxExportBatchSize(5000)))
		count := func(name string, points, bytes int) {
			counter, _ := a.sdk.MeterProvider().Meter("test").Int64Counter(name)
			for i := range points {
				counter.Add(t.Context(), 1, metric.WithAttributes(attribute.Int("n", i), attribute.String("text", strings.Repeat("x", bytes))))
			}
		}
		count("many", 1500, 1)
		count("large", 1000, 2000)
		for range 60 {
			a.log(t.Context(), strings.Repeat("x", 50_000))
		}
		if err := a.flush(); err != nil {
			t.Error(err)
		}
		for _, e := range []*awstest.Endpoint{a.metrics, a.logs} {
			items, size := 0, 0
			for _, r := range e.Requests() {
				items, size = max(items, r.Items), max(size, r.Size)
			}
			if items > 1000 || size > 1_000_000 || size < 900_000 {
				t.Errorf("%s: requests of up to %d items and %d bytes", e.Service, items, size)
			}
			e.WantSigned(t, len(e.Requests()))
		}
		if len(a.metrics.DataPoints()) != 2500 || len(a.logs.LogRecords()) != 60 {
			t.Errorf("%d data points, %d log records", len(a.metrics.DataPoints()), len(a.logs.LogRecords()))
		}
	})
}

// TestLogGroupAndStream: the headers of the user win over the function's own group and stream. Without a stream nothing is sent.
func TestLogGroupAndStream(t *testing.T) {
	const own = "OTEL_EXPORTER_OTLP_LOGS_HEADERS"
	const stream = "2026/11/22/[$LATEST]0123456789abcdef0123456789abcdef"
	for name, c := range map[string]struct {
		env           map[string]string
		opts          []otelx.Option
		group, stream string // empty: nothing is sent
	}{
		"the function's":    {nil, nil, "/aws/lambda/orders", stream},
		"other headers":     {map[string]string{own: "x-tenant=1"}, nil, "/aws/lambda/orders", stream},
		"both":              {map[string]string{own: "x-aws-log-group=g,x-aws-log-stream=s"}, nil, "g", "s"},
		"in another case":   {map[string]string{own: "X-AWS-Log-Group=g,X-Aws-Log-Stream=s%2F1"}, nil, "g", "s/1"},
		"for all signals":   {map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "x-aws-log-stream=s"}, nil, "/aws/lambda/orders", "s"},
		"an option":         {nil, []otelx.Option{otelx.WithLogs(otelx.WithHeaders(map[string]string{"x-aws-log-group": "g"}))}, "g", stream},
		"no stream":         {map[string]string{"AWS_LAMBDA_LOG_STREAM_NAME": ""}, nil, "", ""},
		"no stream, group":  {map[string]string{"AWS_LAMBDA_LOG_STREAM_NAME": "", own: "x-aws-log-group=g"}, nil, "", ""},
		"no stream, header": {map[string]string{"AWS_LAMBDA_LOG_STREAM_NAME": "", own: "x-aws-log-stream=s"}, nil, "/aws/lambda/orders", "s"},
		"no group":          {map[string]string{"AWS_LAMBDA_LOG_GROUP_NAME": ""}, nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAWS(t, hosts, "eu-west-1")
				maps.Copy(a.env, c.env)
				err := a.start(c.opts...)
				const line = "endpoint https://logs.eu-west-1.amazonaws.com/v1/logs: no log group and stream are known, and nothing is sent (set x-aws-log-group"
				if (err == nil) != (c.stream != "") || err != nil && (!strings.Contains(err.Error(), line) || strings.Contains(err.Error(), "\n")) {
					t.Errorf("New: %v", err)
				}
				a.emit()
				if err := a.flush(); err != nil {
					t.Error(err)
				}
				if len(a.traces.Spans()) != 1 || len(a.metrics.DataPoints()) != 1 {
					t.Errorf("%d spans, %d data points", len(a.traces.Spans()), len(a.metrics.DataPoints()))
				}
				if c.stream == "" {
					a.logs.WantSigned(t, 0)
					if n, _ := a.sdk.Pending(); n != 0 {
						t.Errorf("%d items wait", n)
					}
					return
				}
				a.logs.WantSigned(t, 1)
				header := a.logs.Got()[0].Header
				if g, s := header.Values("x-aws-log-group"), header.Values("x-aws-log-stream"); fmt.Sprint(g, s) != fmt.Sprint([]string{c.group}, []string{c.stream}) {
					t.Errorf("group %q, stream %q", g, s)
				}
				if a.metrics.Got()[0].Header.Get("x-aws-log-group") != "" {
					t.Error("a request with data points names a log group")
				}
			})
		})
	}
}

// TestMissingLogStream: for a minute after New a missing group or stream is an outage of logs alone, and no record is lost. After
// that it is a refusal, and one report has the commands that create both.
func TestMissingLogStream(t *testing.T) {
	for _, message := range []string{"The specified log group does not exist.", "The specified log stream does not exist."} {
		synctest.Test(t, func(t *testing.T) {
			reports := otelerr.Collect(t)
			a := newAWS(t, hosts, "eu-west-1")
			a.mustStart()
			a.logs.SetFault(otlpreceiver.Fault{Status: 400, Message: message})
			for i := range 11 {
				a.emit()
				if err := a.flush(); err == nil || !strings.Contains(err.Error(), "log records") || strings.Contains(err.Error(), "spans") {
					t.Errorf("after %d s: %v", 5*i, err)
				}
				time.Sleep(5*time.Second - time.Second)
			}
			if st := a.sdk.Stats(); st.Logs.Pending != 11 || st.Logs.Breaker == "closed" || st.Breaker != "closed" || len(a.traces.Spans()) != 11 {
				t.Errorf("within a minute: %+v", st)
			}
			if got := reports(); len(got) != 0 {
				t.Errorf("within a minute: reports %q", got)
			}
			for range 3 {
				time.Sleep(time.Minute)
				a.log(t.Context(), "late")
				_ = a.flush()
			}
			if st := a.sdk.Stats().Logs; st.Pending != 0 || st.Dropped.Refused != 14 {
				t.Errorf("after a minute: %+v", st)
			}
			const want = `: aws logs create-log-group --region eu-west-1 --log-group-name '/aws/lambda/orders' and ` +
				`aws logs create-log-stream --region eu-west-1 --log-group-name '/aws/lambda/orders' --log-stream-name '2026/11/22/[$LATEST]0123456789abcdef0123456789abcdef'`
			if got := reports(); len(got) != 1 || !strings.HasSuffix(got[0], want) || !strings.Contains(got[0], message) {
				t.Errorf("reports %q", got)
			}
			a.logs.SetFault(otlpreceiver.Fault{})
			a.log(t.Context(), "found")
			if err := a.flush(); err != nil || len(a.logs.LogRecords()) != 1 {
				t.Errorf("created: %v, %d log records", err, len(a.logs.LogRecords()))
			}
		})
	}
}

// A stream that comes into being within a minute gets all records.
func TestLogStreamComesIntoBeing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reports := otelerr.Collect(t)
		a := newAWS(t, hosts, "eu-west-1")
		a.mustStart()
		a.logs.SetFault(otlpreceiver.Fault{Status: 400, Message: "The specified log stream does not exist."})
		a.emit()
		time.AfterFunc(200*time.Millisecond, func() { a.logs.SetFault(otlpreceiver.Fault{}) })
		if err := a.flush(); err != nil || len(a.logs.LogRecords()) != 1 {
			t.Errorf("%v, %d log records", err, len(a.logs.LogRecords()))
		}
		if got := reports(); len(got) != 0 {
			t.Errorf("reports %q", got)
		}
	})
}

// TestAWSRefusals: a refusal is explained once, by what the role or the account lacks for that signal.
func TestAWSRefusals(t *testing.T) {
	const denied = "User: arn:aws:sts::123456789012:assumed-role/orders/orders is not authorized to perform: %s on resource: "
	synctest.Test(t, func(t *testing.T) {
		reports := otelerr.Collect(t)
		a := newAWS(t, hosts, "eu-west-1")
		a.mustStart()
		a.traces.SetFault(otlpreceiver.Fault{Status: 400, Message: "The OTLP API is supported with CloudWatch Logs as a Trace Segment Destination."})
		a.metrics.SetFault(otlpreceiver.Fault{Status: 403, Message: fmt.Sprintf(denied, "cloudwatch:PutMetricData")})
		a.logs.SetFault(otlpreceiver.Fault{Status: 403, Message: fmt.Sprintf(denied, "logs:PutLogEvents") + "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/orders"})
		for range 3 {
			a.emit()
			var drop *otelx.DropError
			if err := a.flush(); !errors.As(err, &drop) {
				t.Error(err)
			}
			time.Sleep(time.Hour)
		}
		if st := a.sdk.Stats(); st.Dropped.Refused != 3 || st.Metrics.Dropped.Refused != 3 || st.Logs.Dropped.Refused != 3 {
			t.Errorf("%+v", st)
		}
		got := strings.Join(reports(), "\n")
		for _, want := range []string{
			"export spans: ", "switch on CloudWatch Transaction Search",
			"export data points: ", "allow the role cloudwatch:PutMetricData, as the managed policy CloudWatchAgentServerPolicy does",
			"export log records: ", "allow the role logs:PutLogEvents, as the managed policy AWSLambdaBasicExecutionRole does", "log-group:/aws/lambda/orders;",
		} {
			if strings.Count(got, want) != 1 {
				t.Errorf("%q is not said once in\n%s", want, got)
			}
		}
	})
}

// TestEndpointOfAnotherSignal: an endpoint for all signals cannot be AWS's. The signals that it does not serve are reported, and
// nothing is sent for them.
func TestEndpointOfAnotherSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAWS(t, hosts, "eu-west-1")
		delete(a.env, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
		delete(a.env, "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT")
		a.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = "https://xray.eu-west-1.amazonaws.com"
		err := a.start()
		for _, want := range []string{
			"endpoint https://xray.eu-west-1.amazonaws.com/v1/metrics: X-Ray accepts only traces, so nothing is sent " +
				"(set OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=https://monitoring.eu-west-1.amazonaws.com/v1/metrics)",
			"endpoint https://xray.eu-west-1.amazonaws.com/v1/logs: X-Ray accepts only traces, so nothing is sent " +
				"(set OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=https://logs.eu-west-1.amazonaws.com/v1/logs)",
		} {
			if err == nil || strings.Count(err.Error(), want) != 1 {
				t.Errorf("New: %v; want %s", err, want)
			}
		}
		a.emit()
		if err := a.flush(); err != nil {
			t.Error(err)
		}
		a.traces.WantSigned(t, 1)
	})
}
