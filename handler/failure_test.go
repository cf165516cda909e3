package handler_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	logembedded "go.opentelemetry.io/otel/log/embedded"
	"go.opentelemetry.io/otel/log/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/internal/otelerr"
)

const (
	valueType      = "github.com/epilogue-go/epilogue/handler_test.valueError"
	wrapType       = "*fmt.wrapError"
	reportedType   = "github.com/aws/aws-lambda-go/lambda/messages.InvokeResponse_Error"
	nilDereference = "runtime error: invalid memory address or nil pointer dereference"
)

// outOfStock is the error that aws-lambda-go reports to the caller as it is.
func outOfStock(shouldExit bool) messages.InvokeResponse_Error {
	return messages.InvokeResponse_Error{
		Message: "out of stock", Type: "OutOfStock", ShouldExit: shouldExit,
		StackTrace: []*messages.InvokeResponse_Error_StackFrame{nil, {Path: "shop/stock.go", Line: 17, Label: "Take"}},
	}
}

// TestFailures asserts the status and the exception event of an error, a panic and a broken stream.
func TestFailures(t *testing.T) {
	untyped := outOfStock(false)
	untyped.Type = ""
	for name, tt := range map[string]struct {
		fn               any
		message          string
		errType, excType string
		stack            string // part of exception.stacktrace
	}{
		"error": {func() error { return errors.New("no stock") }, "no stock", "*errors.errorString", "*errors.errorString", ""},
		"wrapped": {
			result(nil, fmt.Errorf("order: %w", valueError("no stock"))), "order: no stock", valueType, wrapType, "",
		},
		"nil pointer": {
			func() *ownError { return nil }, "*handler_test.ownError: its Error method panicked: " + nilDereference,
			"*handler_test.ownError", "*handler_test.ownError", "",
		},
		"stream": {
			func() (any, error) { return failing("half", valueError("broken pipe")), nil }, "broken pipe", valueType, valueType, "",
		},
		"panic": {func() { deep(2, func() { panic("lost") }) }, "lost", "string", "string", "handler_test.deep"},
		"runtime panic": {
			func() { nilMap["x"]++ }, "assignment to entry in nil map",
			"runtime.plainError", "runtime.plainError", "handler_test.TestFailures",
		},
		"aws-lambda-go's error": {
			func() error { return outOfStock(false) }, "out of stock", "OutOfStock", "OutOfStock", "Take\n\tshop/stock.go:17\n",
		},
		"a panic with it": {
			func() { panic(outOfStock(true)) }, "out of stock", "OutOfStock", "OutOfStock", "Take\n\tshop/stock.go:17\n",
		},
		"a panic with it without a stack": {
			func() { panic(messages.InvokeResponse_Error{Message: "out", Type: "Out"}) }, "out", "Out", "Out", "handler_test.TestFailures",
		},
		"it without a type": {func() error { return untyped }, "out of stock", reportedType, reportedType, "Take"},
		"it in another one": {
			result(nil, fmt.Errorf("order: %w", untyped)), "order: " + untyped.Error(), reportedType, wrapType, "",
		},
		"a type that one of several says": {
			result(nil, fmt.Errorf("%w", errors.Join(errFlush, says("Stock")))), "flush failed\nStock", "Stock", wrapType, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := invoke(t, tt.fn, "{}").span(t)
			if got := s.Status(); got.Code != codes.Error || got.Description != tt.message {
				t.Errorf("status %v, want an error: %s", got, tt.message)
			}
			if got := attributes(s.Attributes())["error.type"]; got != tt.errType {
				t.Errorf("error.type %q, want %q", got, tt.errType)
			}
			got := exception(t, s)
			if got["exception.type"] != tt.excType || got["exception.message"] != tt.message {
				t.Errorf("exception %v, want %s: %s", got, tt.excType, tt.message)
			}
			if trace, ok := got["exception.stacktrace"]; ok != (tt.stack != "") || !strings.Contains(trace, tt.stack) {
				t.Errorf("stack trace %q, want one with %q", trace, tt.stack)
			}
		})
	}
}

// says is an error that says its type.
type says string

func (s says) Error() string     { return string(s) }
func (s says) ErrorType() string { return string(s) }

// exception returns the attributes of the only event of a span.
func exception(t *testing.T, s sdktrace.ReadOnlySpan) map[string]string {
	t.Helper()
	if len(s.Events()) != 1 || s.Events()[0].Name != "exception" {
		t.Fatalf("events %v, want one exception", s.Events())
	}
	return attributes(s.Events()[0].Attributes)
}

// chain is an error with a link to another one, or to several.
type chain struct {
	unwrap func() error
}

func (chain) Error() string   { return "chain" }
func (c chain) Unwrap() error { return c.unwrap() }

type graph struct{ next []error }

func (*graph) Error() string     { return "graph" }
func (g *graph) Unwrap() []error { return g.next }

// asks is an error whose methods for errors.Is and errors.As panic.
type asks struct{}

func (asks) Error() string { return "asks" }
func (asks) As(any) bool   { panic("in As") }
func (asks) Is(error) bool { panic("in Is") }

// TestErrorsOfAnyShapeHoldNoInvocation has errors whose Unwrap leads in a circle, to one error by many paths, without an
// end, or never returns. Without Wrap nothing calls it.
func TestErrorsOfAnyShapeHoldNoInvocation(t *testing.T) {
	cycle := &graph{}
	cycle.next = []error{nil, errFlush, fmt.Errorf("again: %w", cycle)}
	paths := errFlush
	for range 40 {
		paths = &graph{next: []error{paths, paths}}
	}
	var endless func() error
	endless = func() error { return chain{endless} }
	wrapped := fmt.Errorf("0 %w", errFlush)
	for range 1000 {
		wrapped = fmt.Errorf("%w", wrapped)
	}
	for name, err := range map[string]error{
		"a circle": cycle, "a circle in fmt.Errorf": fmt.Errorf("%w", cycle), "many paths": paths, "no end": chain{endless},
		"many wrappers": wrapped, "wide": &graph{next: make([]error, 1<<20)}, "As and Is panic": asks{},
		"Unwrap panics":     chain{func() error { panic("in Unwrap") }},
		"Unwrap ends":       chain{func() error { runtime.Goexit(); return nil }},
		"Unwrap is stuck":   chain{func() error { time.Sleep(time.Minute); return nil }},
		"ErrorType panics":  halfTyped{},
		"nil in the circle": chain{func() error { return (*ownError)(nil) }},
	} {
		for form, fn := range map[string]any{"error": result(nil, err), "stream": result(failing("x", err), nil)} {
			t.Run(name+", "+form, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					s := invoke(t, fn, "{}").span(t)
					if took := time.Since(began); took > 100*time.Millisecond {
						t.Errorf("the invocation took %v", took)
					}
					if s.Status().Code != codes.Error || s.Status().Description != err.Error() || exception(t, s)["exception.type"] == "" {
						t.Errorf("status %v, events %v", s.Status(), s.Events())
					}
					time.Sleep(time.Minute) // the stuck Unwrap returns
				})
			})
		}
	}
}

// TestLongTextsAreCut asserts that every text of a failure is at most as long as its limit, at the end of a character, and
// gives its length.
func TestLongTextsAreCut(t *testing.T) {
	long := strings.Repeat("é€😀x", 100_000) // 10 bytes and 4 characters each
	deepPanic := func() { deep(400, func() { panic(long) }) }
	huge := messages.InvokeResponse_Error{Message: long, Type: long}
	for name, tt := range map[string]struct {
		fn               any
		limit, spanLimit string // OTEL_…_VALUE_LENGTH_LIMIT
		most, stack      int    // bytes, or characters if a limit is less
		mark             string
	}{
		"error":                   {result(nil, errors.New(long)), "", "", 4096, 0, "… (cut, 1000000 bytes)"},
		"panic":                   {deepPanic, "", "", 4096, 16384, "… (cut, 1000000 bytes)"},
		"stream":                  {result(failing("x", errors.New(long)), nil), "", "", 4096, 0, "… (cut, 1000000 bytes)"},
		"aws-lambda-go's error":   {result(nil, huge), "", "", 4096, 0, "… (cut, 1000000 bytes)"},
		"the program's limit":     {deepPanic, "200", "", 200, 200, "… (cut, 1000000 bytes)"},
		"the limit of spans wins": {deepPanic, "9", "90", 90, 90, "… (cut, 1000000 bytes)"},
		"no room for the mark":    {deepPanic, "7", "", 7, 7, "é€😀xé€😀"},
		"a larger limit":          {deepPanic, "9999", "", 4096, 9999, "… (cut, 1000000 bytes)"},
		"no limit":                {deepPanic, "-1", "", 4096, 16384, "… (cut, 1000000 bytes)"},
		"a malformed limit":       {deepPanic, "many", "", 4096, 16384, "… (cut, 1000000 bytes)"},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{
				"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": tt.limit, "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": tt.spanLimit,
			}
			process := handler.Process{Getenv: func(key string) string { return env[key] }}
			s := invoke(t, tt.fn, "{}", handler.WithProcess(process)).span(t)
			texts := exception(t, s)
			texts["status"], texts["error.type"] = s.Status().Description, attributes(s.Attributes())["error.type"]
			for key, text := range texts {
				most := tt.most
				if key == "exception.stacktrace" {
					most = tt.stack
				}
				size := len(text)
				if most < 4096 || most == 9999 {
					size = utf8.RuneCountInString(text)
				}
				if size > most || !utf8.ValidString(text) {
					t.Errorf("%s: %d of at most %d: %q", key, size, most, text)
				}
			}
			message := s.Status().Description
			if !strings.HasPrefix(message, "é€😀xé€😀") || !strings.HasSuffix(message, tt.mark) {
				t.Errorf("message %q, want one that ends with %q", message, tt.mark)
			}
			if tt.stack > 0 && texts["exception.stacktrace"] == "" {
				t.Error("no stack trace")
			}
		})
	}
}

func TestTextOfTheLimitStaysWhole(t *testing.T) {
	text := strings.Repeat("é", 2048)
	if got := invoke(t, result(nil, errors.New(text)), "{}").span(t).Status().Description; got != text {
		t.Errorf("%d bytes, want %d", len(got), len(text))
	}
}

// logs is a logger provider that keeps records.
type logs struct {
	logembedded.LoggerProvider
	enabled, panics bool
	records         []log.Record
	spans           []trace.SpanContext
}

func (l *logs) Logger(string, ...log.LoggerOption) log.Logger { return keepingLogger{logs: l} }

type keepingLogger struct {
	logembedded.Logger
	logs *logs
}

func (l keepingLogger) Enabled(context.Context, log.EnabledParameters) bool { return l.logs.enabled }

func (l keepingLogger) Emit(ctx context.Context, r log.Record) {
	if l.logs.panics {
		panic("in Emit")
	}
	l.logs.records = append(l.logs.records, r)
	l.logs.spans = append(l.logs.spans, trace.SpanContextFromContext(ctx))
}

// TestExceptionsAreLogRecordsIfTheProgramAsksForThem asserts that no exception is lost, whatever takes log records.
func TestExceptionsAreLogRecordsIfTheProgramAsksForThem(t *testing.T) {
	t.Cleanup(func() { otel.SetLoggerProvider(noop.NewLoggerProvider()) })
	otelerr.Discard(t)
	for name, tt := range map[string]struct {
		optIn           string
		provider        log.LoggerProvider
		events, records int
	}{
		"default":                    {"", &logs{enabled: true}, 1, 0},
		"logs":                       {"logs", &logs{enabled: true}, 0, 1},
		"both":                       {"logs/dup", &logs{enabled: true}, 1, 1},
		"an unknown value":           {"spans", &logs{enabled: true}, 1, 0},
		"no provider":                {"logs", noop.NewLoggerProvider(), 1, 0},
		"a provider without readers": {"logs", &logs{}, 1, 0},
		"a provider that panics":     {"logs", &logs{enabled: true, panics: true}, 1, 0},
	} {
		for form, fn := range map[string]any{"error": result(nil, errFlush), "panic": func() { panic(errFlush) }} {
			t.Run(name+", "+form, func(t *testing.T) {
				otel.SetLoggerProvider(tt.provider)
				getenv := func(key string) string {
					return map[string]string{"OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN": tt.optIn}[key]
				}
				s := invoke(t, fn, "{}", handler.WithProcess(handler.Process{Getenv: getenv})).span(t)
				l, ok := tt.provider.(*logs)
				if !ok {
					l = &logs{}
				}
				if len(s.Events()) != tt.events || len(l.records) != tt.records || s.Status().Code != codes.Error {
					t.Fatalf("%d events, %d records, want %d and %d", len(s.Events()), len(l.records), tt.events, tt.records)
				}
				for i, r := range l.records {
					texts := map[string]string{}
					r.WalkAttributes(func(kv attribute.KeyValue) bool {
						texts[string(kv.Key)] = kv.Value.String()
						return true
					})
					if r.EventName() != "exception" || r.Severity() != log.SeverityError || texts["exception.message"] != "flush failed" ||
						texts["exception.type"] == "" || (texts["exception.stacktrace"] != "") != (form == "panic") {
						t.Errorf("record %+v, attributes %v", r, texts)
					}
					if !l.spans[i].Equal(s.SpanContext()) {
						t.Errorf("the record's span is %v, want %v", l.spans[i], s.SpanContext())
					}
				}
				l.records, l.spans = nil, nil
			})
		}
	}
}

func TestUnknownExceptionSignalIsReported(t *testing.T) {
	var got []string
	otelerr.Handle(t, func(err error) { got = append(got, err.Error()) })
	getenv := func(key string) string {
		return map[string]string{"OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN": "spans"}[key]
	}
	handler.Wrap(func() {}, handler.WithProcess(handler.Process{Getenv: getenv}))
	const want = `OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN="spans": unknown (write logs or logs/dup)`
	if len(got) != 1 || got[0] != want {
		t.Errorf("reports %q, want %q", got, want)
	}
}
