package handler_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdaurl"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/epilogue-go/epilogue/handler"
)

const urlEvent = `{"rawPath":"/orders/17","headers":{"traceparent":"` + traceparent + `","baggage":"user=17"},` +
	`"requestContext":{"http":{"method":"POST","path":"/orders/17"}}}`

// orders is a mux whose only route calls serve.
func orders(serve http.HandlerFunc) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("POST /orders/{id}", serve)
	return mux
}

// adapted returns a function that calls h as an adapter does: in the goroutine of the handler, with its context.
func adapted(h http.Handler) any {
	return func(ctx context.Context, e events.LambdaFunctionURLRequest) (events.LambdaFunctionURLResponse, error) {
		r := httptest.NewRequestWithContext(ctx, e.RequestContext.HTTP.Method, e.RawPath, nil)
		for name, value := range e.Headers {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return events.LambdaFunctionURLResponse{StatusCode: w.Code, Body: w.Body.String()}, nil
	}
}

func panickingRoute(*http.Request) string { panic("route") }

var hosts = map[string]func(http.Handler) any{
	"lambdaurl": func(h http.Handler) any { return lambdaurl.Wrap(h) }, "adapter": adapted,
}

// asHost serves requests as if they were for a host.
func asHost(host string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = host
		h.ServeHTTP(w, r)
	})
}

func TestRouteNamesTheSpan(t *testing.T) {
	serve := func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.PathValue("id")) }
	copying := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r.WithContext(r.Context())) })
	}
	says := func(route string) handler.HTTPOption {
		return handler.WithRoute(func(*http.Request) string { return route })
	}
	mux := orders(serve)
	matched := handler.WithRoute(func(r *http.Request) string {
		_, pattern := mux.Handler(r)
		return pattern
	})
	host := http.NewServeMux()
	host.HandleFunc("/", serve)
	host.HandleFunc("api.example.com/", serve)
	for name, tt := range map[string]struct {
		h           http.Handler
		name, route string
	}{
		"mux":                     {handler.HTTP(mux, nil, handler.WithRoute(nil)), "POST /orders/{id}", "/orders/{id}"},
		"catch-all":               {handler.HTTP(host), "POST /", "/"},
		"no route":                {handler.HTTP(http.NewServeMux()), "POST", ""},
		"no mux":                  {handler.HTTP(http.HandlerFunc(serve)), "POST", ""},
		"middleware that copies":  {handler.HTTP(copying(mux)), "POST", ""},
		"middleware, the option":  {handler.HTTP(copying(mux), matched), "POST /orders/{id}", "/orders/{id}"},
		"middleware, HTTP within": {handler.HTTP(copying(handler.HTTP(mux))), "POST /orders/{id}", "/orders/{id}"},
		"HTTP twice":              {handler.HTTP(handler.HTTP(mux)), "POST /orders/{id}", "/orders/{id}"},
		"option, route alone":     {handler.HTTP(mux, says(" /o/:id ")), "POST /o/:id", "/o/:id"},
		"option, with a method and host": {
			asHost("api.example.com:443", handler.HTTP(mux, says("ANY api.example.com/o/{id}"))), "POST /o/{id}", "/o/{id}",
		},
		"mux with a host":               {asHost("api.example.com", handler.HTTP(host)), "POST /", "/"},
		"option, not from the root":     {handler.HTTP(mux, says("orders/:id")), "POST orders/:id", "orders/:id"},
		"option, a blank in the middle": {handler.HTTP(mux, says("/a/{id:[a-z ]+}/b")), "POST /a/{id:[a-z ]+}/b", "/a/{id:[a-z ]+}/b"},
		"option, a name":                {handler.HTTP(mux, says("orders#show")), "POST orders#show", "orders#show"},
		"option, none":                  {handler.HTTP(mux, says("")), "POST", ""},
		"option that panics":            {handler.HTTP(mux, handler.WithRoute(panickingRoute)), "POST", ""},
	} {
		for where, host := range hosts {
			t.Run(name+", "+where, func(t *testing.T) {
				s := invoke(t, host(tt.h), urlEvent).span(t)
				if got := attributes(s.Attributes())["http.route"]; s.Name() != tt.name || got != tt.route {
					t.Errorf("span %q, http.route %q, want %q and %q", s.Name(), got, tt.name, tt.route)
				}
			})
		}
	}
}

// TestSpansOfInstrumentationWithinAreChildren has otelhttp within HTTP: it reads its parent from the headers, with the
// propagator of the invocation or the global one. The caller's baggage stays.
func TestSpansOfInstrumentationWithinAreChildren(t *testing.T) {
	both := propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	none := propagation.NewCompositeTextMapPropagator()
	defer otel.SetTextMapPropagator(otel.GetTextMapPropagator())
	event := strings.Replace(urlEvent, `"baggage"`, `"tracestate":"vendor=old","baggage"`, 1)
	for name, tt := range map[string]struct{ own, global propagation.TextMapPropagator }{"own": {both, none}, "global": {none, both}} {
		for where, host := range hosts {
			otel.SetTextMapPropagator(tt.global)
			inner := newRecorder()
			var seen http.Header
			h := otelhttp.NewHandler(orders(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header }), "serve",
				otelhttp.WithTracerProvider(inner.provider()), otelhttp.WithPropagators(both))
			outer := invoke(t, host(handler.HTTP(h)), event, handler.WithPropagator(tt.own)).span(t)
			if parent := inner.span(t).Parent(); parent.SpanID() != outer.SpanContext().SpanID() {
				t.Errorf("%s, %s: otelhttp's parent %v, want the invocation's %v", name, where, parent, outer.SpanContext())
			}
			if seen.Get("Baggage") != "user=17" || name == "global" && seen.Get("Tracestate") != "" {
				t.Errorf("%s, %s: headers %v", name, where, seen)
			}
		}
	}
}

// TestChildHeaderHasNothingOfTheCaller has a tracestate that no traceparent belongs to, and a middleware outside of HTTP,
// which sees the Pattern of the request and the caller's headers.
func TestChildHeaderHasNothingOfTheCaller(t *testing.T) {
	seen := http.Header{}
	inner := handler.HTTP(orders(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header }))
	j := invoke(t, adapted(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Traceparent", "00")
		r.Header.Set("Tracestate", "vendor=old")
		inner.ServeHTTP(w, r)
		if r.Pattern != "POST /orders/{id}" || r.Header.Get("Tracestate") != "vendor=old" {
			t.Errorf("pattern %q, headers %v", r.Pattern, r.Header)
		}
	})), urlEvent, w3cAndBaggage)
	span := j.span(t).SpanContext().SpanID().String()
	if !strings.Contains(seen.Get("Traceparent"), span) || seen.Get("Tracestate") != "" {
		t.Errorf("headers %v, want span %s and no tracestate", seen, span)
	}
}

func TestHeadersStayWithoutASpan(t *testing.T) {
	for name, opts := range map[string][]handler.Option{
		"no SDK":            {handler.WithTracerProvider(noop.NewTracerProvider())},
		"broken propagator": {sdk(), handler.WithPropagator(brokenInject{propagation.TraceContext{}})},
	} {
		seen := ""
		h := handler.HTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Get("Traceparent") }))
		invoke(t, lambdaurl.Wrap(h), urlEvent, opts...)
		if seen != traceparent {
			t.Errorf("%s: traceparent %q, want the caller's", name, seen)
		}
	}
}

// brokenInject is a propagator that panics in Inject.
type brokenInject struct{ propagation.TextMapPropagator }

func (brokenInject) Inject(context.Context, propagation.TextMapCarrier) { panic("in Inject") }

// TestPanicOfAnHTTPHandlerIsFlushedOnce has panics in the handler's goroutine and, as under lambdaurl, in another one.
func TestPanicOfAnHTTPHandlerIsFlushedOnce(t *testing.T) {
	for name, value := range map[string]any{
		"text": "boom", "abort": http.ErrAbortHandler, "aws-lambda-go's": outOfStock(false),
	} {
		for where, host := range map[string]func(http.Handler) any{"adapter": adapted, "stream": streaming(t)} {
			t.Run(name+", "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					panicking := orders(func(w http.ResponseWriter, _ *http.Request) {
						_, _ = io.WriteString(w, "part")
						panic(value)
					})
					j := invoke(t, host(handler.HTTP(handler.HTTP(panicking))), urlEvent)
					synctest.Wait()
					want := "EndOpenSpans r1: " + fmt.Sprint(value)
					if name == "aws-lambda-go's" {
						want = "EndOpenSpans r1: out of stock"
					}
					calls := []string{"Attach", "Begin r1", want, "span ended", "FlushBeforeExit r1", "End r1"}
					if where == "adapter" && name == "aws-lambda-go's" { // which lets the process live on
						calls = slices.Delete(calls, 4, 5)
					}
					j.want(t, calls...)
					s := j.span(t)
					stack := exception(t, s)["exception.stacktrace"]
					if s.Status().Code != codes.Error || s.Name() != "POST /orders/{id}" || stack == "" {
						t.Errorf("span %q, status %v, events %v", s.Name(), s.Status(), s.Events())
					}
				})
			})
		}
	}
}

// streaming makes functions that call an http.Handler as lambdaurl does, in a goroutine of its own. They recover its panic,
// which would end the process.
func streaming(t *testing.T) func(http.Handler) any {
	return func(h http.Handler) any {
		return func(ctx context.Context, e events.LambdaFunctionURLRequest) (io.Reader, error) {
			done, w := make(chan struct{}), httptest.NewRecorder()
			go func() {
				defer close(done)
				defer func() {
					if recover() == nil {
						t.Error("the panic does not continue")
					}
				}()
				h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, e.RequestContext.HTTP.Method, e.RawPath, nil))
			}()
			<-done
			return w.Body, nil
		}
	}
}

// TestPanicThatTheHandlerRecoversLeavesItsResponse has a recover outside of the adapter.
func TestPanicThatTheHandlerRecoversLeavesItsResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := handler.HTTP(orders(func(http.ResponseWriter, *http.Request) { panic("boom") }))
		j := invoke(t, adapted(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				_ = recover()
				w.WriteHeader(http.StatusInternalServerError)
			}()
			h.ServeHTTP(w, r)
		})), urlEvent)
		synctest.Wait()
		j.want(t, "Attach", "Begin r1", "span ended", "End r1")
		s := j.span(t)
		if attributes(s.Attributes())["http.response.status_code"] != "500" || s.Status().Code != codes.Error {
			t.Errorf("status %v, attributes %v", s.Status(), s.Attributes())
		}
	})
}

func TestHTTPOutsideAnInvocationChangesNothing(t *testing.T) {
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "POST", "/orders/17", nil)
	r.Header.Set("Traceparent", traceparent)
	handler.HTTP(orders(func(w http.ResponseWriter, got *http.Request) {
		if got != r || got.Header.Get("Traceparent") != traceparent {
			t.Error("the request is another one")
		}
		w.WriteHeader(http.StatusTeapot)
	})).ServeHTTP(w, r)
	if w.Code != http.StatusTeapot || r.Pattern != "POST /orders/{id}" {
		t.Errorf("status %d, pattern %q", w.Code, r.Pattern)
	}
}
