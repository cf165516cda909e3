package otelx_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/log/noop"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/internal/requestid"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// logsEndpoint is the backend's of contract.
var logsEndpoint = otelx.WithEndpoint("http://collector.test:4318/v1/logs")

// emit emits a record with text as its body.
func emit(ctx context.Context, s *otelx.SDK, severity log.Severity, text string, attrs ...attribute.KeyValue) {
	var r log.Record
	r.SetTimestamp(time.Now())
	r.SetSeverity(severity)
	r.SetBody(attribute.StringValue(text))
	r.AddAttributes(attrs...)
	s.LoggerProvider().Logger("test").Emit(ctx, r)
}

// bodies returns the bodies of records, joined.
func bodies(records []otlpreceiver.LogRecord) string {
	var all []string
	for _, r := range records {
		all = append(all, fmt.Sprint(r.Body))
	}
	return strings.Join(all, " ")
}

// Log records arrive with the ids of their spans, and with the resource of the SDK, over the connections of traces.
func TestLogsArrive(t *testing.T) {
	contract(t, func(f *fixture) {
		ctx, sp := f.sdk.TracerProvider().Tracer("test").Start(f.Context(), "span")
		emit(ctx, f.sdk, log.SeverityWarn, "one", attribute.String("key", "a value that is cut"), attribute.Int("more", 1))
		emit(f.Context(), f.sdk, log.SeverityDebug, "two")
		sp.End()
		f.mustFlush(time.Second, 100*ms)
		records := f.backend.LogRecords()
		if bodies(records) != "one two" {
			f.Fatalf("records %+v", records)
		}
		r := records[0]
		if r.TraceID != sp.SpanContext().TraceID().String() || r.SpanID != sp.SpanContext().SpanID().String() || r.SeverityNumber != 13 ||
			r.Attributes["key"] != "a va" || len(r.Attributes) != 1 || r.DroppedAttributes != 1 || r.Resource["service.name"] != "shop" || r.Scope != "test" {
			f.Errorf("record %+v", r)
		}
		if st := f.sdk.Stats().Logs; st != (otelx.SignalStats{Ended: 2, Exported: 2, Breaker: "closed"}) {
			f.Errorf("Stats %+v", st)
		}
	}, otelx.WithLogs(logsEndpoint, otelx.WithLogLimits(1, 4)), otelx.WithResource(resource.NewSchemaless(attribute.String("service.name", "shop"))))
}

// A backend that refuses or loses log records delays no span. The records wait and leave later, or are spilled.
func TestLogsInAnOutage(t *testing.T) {
	spilled := new(pages)
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Only: otlpreceiver.Logs, Status: 503})
		emit(f.Context(), f.sdk, log.SeverityInfo, "one")
		f.end("a")
		o := f.flush(time.Second)
		if o.err == nil || !strings.Contains(o.err.Error(), "log records") || strings.Contains(o.err.Error(), "spans") {
			f.Errorf("ForceFlush: %v", o.err)
		}
		f.wantDelivered("a")
		f.end("b")
		if n, _ := f.sdk.Pending(); n != 2 {
			f.Errorf("%d items pending", n)
		}
		f.works()
		time.Sleep(time.Minute)
		f.mustFlush(time.Second, 100*ms)
		if got := bodies(f.backend.LogRecords()); got != "one" {
			f.Errorf("records %q", got)
		}
		f.fails(otlpreceiver.Fault{Status: 503})
		emit(f.Context(), f.sdk, log.SeverityInfo, "last")
		f.end("c")
		if o := f.shutdown(time.Second); o.err == nil || !strings.Contains(o.err.Error(), "spill: 1 of 1 spans, 1 of 1 log records written") {
			f.Errorf("Shutdown: %v", o.err)
		}
		if text := string(slices.Concat(spilled.lines...)); !strings.Contains(text, `{"resourceLogs":[`) || !strings.Contains(text, `{"resourceSpans":[`) {
			f.Errorf("spilled %s", text)
		}
		for _, c := range f.sdk.Counts() {
			if c.Spilled != 1 || c.Ended != c.Exported+c.Pending+c.Dropped+c.Spilled {
				f.Errorf("counts %+v", c)
			}
		}
	}, otelx.WithLogs(logsEndpoint), otelx.WithSpill(spilled))
}

// A full queue drops the oldest records, and exactly one flush says so by signal.
func TestLogsThatTheQueueCannotHold(t *testing.T) {
	contract(t, func(f *fixture) {
		f.backend.FailNext(otlpreceiver.Fault{Status: 503, RetryAfter: "60"}) // until then no background export begins
		emit(f.Context(), f.sdk, log.SeverityInfo, "held")
		_ = f.flush(time.Second)
		for i := range 5 {
			emit(f.Context(), f.sdk, log.SeverityInfo, strconv.Itoa(i))
		}
		time.Sleep(time.Minute)
		o := f.flush(time.Second)
		if drop := dropped(o.err); drop == nil || drop.Signal != "logs" || drop.Dropped.QueueFull != 4 ||
			!strings.HasPrefix(drop.Error(), "4 log records dropped: 4 the queue was full") {
			f.Errorf("ForceFlush: %v", o.err)
		}
		f.mustFlush(time.Second, 0)
		if got := bodies(f.backend.LogRecords()); got != "3 4" {
			f.Errorf("records %q", got)
		}
	}, otelx.WithLogs(logsEndpoint, otelx.WithMaxQueueSize(2), otelx.WithMaxExportBatchSize(1)))
}

// stdout runs test with another standard output, and returns its lines.
func stdout(t *testing.T, test func()) (lines []string) {
	t.Helper()
	return written(t, &os.Stdout, test)
}

// written runs test with a pipe as file, and returns the lines.
func written(t *testing.T, file **os.File, test func()) (lines []string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	was := *file
	*file = w
	test()
	*file = was
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	for scanner := bufio.NewScanner(r); scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	_ = r.Close()
	return lines
}

// The exporter lambda writes each record before its emission returns, by level; the exporter otlp gets all of them.
func TestLambdaLines(t *testing.T) {
	contract(t, func(f *fixture) {
		lines := stdout(f.T, func() {
			f.open(otelx.WithLogs(logsEndpoint), environ("OTEL_LOGS_EXPORTER=otlp,lambda", "AWS_LAMBDA_LOG_LEVEL=WARN"))
			f.sdk.SetBackgroundExport(false)
			ctx := requestid.With(trace.ContextWithSpanContext(f.Context(), trace.NewSpanContext(trace.SpanContextConfig{
				TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2},
			})), "id-7")
			emit(ctx, f.sdk, log.SeverityError, "bad", attribute.String("level", "x"), attribute.Int("n", 5))
			emit(ctx, f.sdk, log.SeverityInfo, "fine")
		})
		var line map[string]any
		if len(lines) != 1 || json.Unmarshal([]byte(lines[0]), &line) != nil {
			f.Fatalf("standard output has %q", lines)
		}
		for key, want := range map[string]any{
			"level": "ERROR", "message": "bad", "requestId": "id-7", "trace_id": "01000000000000000000000000000000", "span_id": "0200000000000000",
			"attr.level": "x", "n": 5.0,
		} {
			if line[key] != want {
				f.Errorf("%s is %v, want %v", key, line[key], want)
			}
		}
		f.mustFlush(time.Second, 100*ms)
		if got := bodies(f.backend.LogRecords()); got != "bad fine" {
			f.Errorf("records %q", got)
		}
		if st := f.sdk.Stats().Logs; st != (otelx.SignalStats{Ended: 3, Exported: 3, Breaker: "closed"}) {
			f.Errorf("Stats %+v", st)
		}
	})
}

// A line that is not written is lost, counted, and in the error of one flush.
func TestLambdaLineThatIsNotWritten(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	was := os.Stdout
	os.Stdout = w
	s, newErr := newSDK(t, environ("OTEL_TRACES_EXPORTER=none"), otelx.WithLogs(otelx.WithExporters("lambda")))
	os.Stdout = was
	if err := errors.Join(r.Close(), w.Close(), newErr); err != nil {
		t.Fatal(err)
	}
	emit(t.Context(), s, log.SeverityInfo, "lost")
	if n, now := s.Pending(); n != 0 || !now {
		t.Errorf("Pending: %d, %t", n, now)
	}
	if drop := dropped(s.ForceFlush(t.Context())); drop == nil || drop.Dropped.WriteFailed != 1 || !errors.Is(drop, os.ErrClosed) {
		t.Errorf("ForceFlush: %v", drop)
	}
	if st := s.Stats().Logs; s.ForceFlush(t.Context()) != nil || st.Ended != 1 || st.Dropped.Total() != 1 {
		t.Errorf("Stats %+v", st)
	}
}

// A report that becomes a log record, because the program's log is a bridge, is on standard error too: the backend may refuse the
// record as well. Another report is not.
func TestReportsThatAreLogRecords(t *testing.T) {
	for name, bridged := range map[string]bool{"bridge": true, "another log": false} {
		t.Run(name, func(t *testing.T) {
			contract(t, func(f *fixture) {
				otelerr.Handle(t, func(err error) {
					if bridged {
						emit(f.Context(), f.sdk, log.SeverityError, err.Error())
					}
				})
				f.sdk.SetBackgroundExport(true)
				f.fails(otlpreceiver.Fault{Only: otlpreceiver.Logs, Status: 400, Message: "no such group"})
				lines := written(f.T, &os.Stderr, func() {
					for range 5 {
						emit(f.Context(), f.sdk, log.SeverityInfo, "one")
						time.Sleep(10 * time.Second)
					}
					synctest.Wait() // the last report has been written
				})
				want := map[bool]int{true: 1}[bridged]
				if len(lines) != want || want > 0 && !strings.Contains(lines[0], "no such group") {
					f.Errorf("standard error has %q, want %d lines", lines, want)
				}
			}, otelx.WithLogs(logsEndpoint))
		})
	}
}

// The console has a line of OTLP JSON for each record.
func TestLogsOnTheConsole(t *testing.T) {
	lines := stdout(t, func() {
		s, err := newSDK(t, environ("OTEL_TRACES_EXPORTER=none", "OTEL_LOGS_EXPORTER=console"), otelx.WithLogs())
		emit(t.Context(), s, log.SeverityInfo, "one")
		emit(t.Context(), s, log.SeverityInfo, "two")
		if err := errors.Join(err, s.ForceFlush(t.Context())); err != nil {
			t.Error(err)
		}
	})
	if len(lines) != 2 || !strings.HasPrefix(lines[1], `{"resourceLogs":[`) || !strings.Contains(lines[1], `"two"`) {
		t.Errorf("standard output has %q", lines)
	}
}

// New makes the logger provider the global one. Without WithLogs it is a no-op, and one line says what to add if a variable of logs
// is set.
func TestOptInOfLogs(t *testing.T) {
	s, err := newSDK(t, environ())
	if _, ok := s.LoggerProvider().(noop.LoggerProvider); !ok || err != nil {
		t.Errorf("%T, %v", s.LoggerProvider(), err)
	}
	_, err = newSDK(t, environ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=http://c:4318", "OTEL_BLRP_SCHEDULE_DELAY=1"))
	wantError(t, "variables", err, "OTEL_BLRP_SCHEDULE_DELAY, OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: set, but logs are off (add otelx.WithLogs() to otelx.New")
	_, err = newSDK(t, environ("OTEL_LOGS_EXPORTER=none", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=http://c:4318"))
	wantError(t, "none", err, "")
	_, err = newSDK(t, environ("OTEL_LOGS_EXPORTER=otlp,file"), otelx.WithLogs())
	wantError(t, "unknown", err, `OTEL_LOGS_EXPORTER="otlp,file": "file" is unknown (write otlp, lambda, console or none, or several separated by commas)`)
	s, err = newSDK(t, environ("OTEL_LOGS_EXPORTER=none"), otelx.WithLogs())
	if otel.GetLoggerProvider() != s.LoggerProvider() || err != nil {
		t.Errorf("the global provider is another; %v", err)
	}
	emit(t.Context(), s, log.SeverityInfo, "nowhere")
	if err := s.ForceFlush(t.Context()); err != nil || s.Stats().Logs.Ended != 0 {
		t.Errorf("ForceFlush: %v, %+v", err, s.Stats())
	}
}

// Signals with the same origin share connections; another certificate authority makes another origin.
func TestSignalsOfOneOriginShareConnections(t *testing.T) {
	for name, c := range map[string]struct {
		opts []otelx.LogsOption
		want int64
	}{
		"same":            {nil, 1},
		"path":            {[]otelx.LogsOption{otelx.WithEndpoint("http://collector.test:4318/tenant/v1/logs")}, 1},
		"another TLS":     {[]otelx.LogsOption{otelx.WithCertificate(x509.NewCertPool())}, 2},
		"headers, signer": {[]otelx.LogsOption{otelx.WithHeaders(map[string]string{"a": "b"}), otelx.WithTimeout(time.Minute)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			contract(t, func(f *fixture) {
				var dials atomic.Int64
				f.open(otelx.WithLogs(append([]otelx.LogsOption{logsEndpoint}, c.opts...)...),
					otelx.WithDialer(func(ctx context.Context, network, address string) (net.Conn, error) {
						dials.Add(1)
						return f.network.DialContext(ctx, network, address)
					}))
				f.sdk.SetBackgroundExport(false)
				f.end("a")
				f.mustFlush(time.Second, 100*ms)
				emit(f.Context(), f.sdk, log.SeverityInfo, "one")
				f.mustFlush(time.Second, 100*ms)
				if n := dials.Load(); n != c.want || bodies(f.backend.LogRecords()) != "one" {
					f.Errorf("%d connections, want %d", n, c.want)
				}
			})
		})
	}
}
