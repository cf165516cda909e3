package handler

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"strings"
	"unicode"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// HTTPOption changes a setting of [HTTP]. A nil HTTPOption is ignored.
type HTTPOption func(*httpHandler)

// WithRoute sets how [HTTP] finds the route that served a request. The function gets the request that the handler got,
// after the handler has returned or panicked. It returns the route's template with or without a method, such as
// "/orders/{id}" or "GET /orders/{id}"; empty if no route has served. Default, also for nil: http.Request.Pattern.
//
// It is for routers that do not set Pattern, and if a middleware between HTTP and the router copies the request, so
// that the router sets the Pattern of the copy. With a *http.ServeMux, for example:
//
//	handler.WithRoute(func(r *http.Request) string {
//		_, pattern := mux.Handler(r)
//		return pattern
//	})
func WithRoute(route func(*http.Request) string) HTTPOption {
	return func(h *httpHandler) {
		if route != nil {
			h.route = route
		}
	}
}

// HTTP returns h instrumented, for a function that [Wrap] instruments. Give it to lambdaurl.Wrap or to an adapter such
// as aws-lambda-go-api-proxy, as the outermost http.Handler:
//
//	lambda.Start(handler.Wrap(lambdaurl.Wrap(handler.HTTP(mux)), handler.WithTracker(ag)))
//
// The span is the invocation's; HTTP starts none. It does three things:
//
//   - If the function returns an io.Reader, as that of lambdaurl does, a panic of h is recorded and flushed, and continues.
//     lambdaurl calls h in a goroutine of its own, where a panic ends the process before Wrap sees it. Middleware that
//     recovers panics belongs into h. For any other function Wrap records the panic, unless the function recovers it.
//   - The route that served the request names the span, as "GET /orders/{id}", and is http.route. See [WithRoute].
//   - h gets the headers of a request that the invocation's span has sent, so that spans of otelhttp and of other
//     instrumentation within h are its children. Without HTTP the caller's headers make them its siblings.
//
// The request must have the invocation's context, as with lambdaurl.Wrap and the adapters' methods ProxyWithContext. A
// request without it goes to h unchanged, so the same handler works in a server.
func HTTP(h http.Handler, opts ...HTTPOption) http.Handler {
	instrumented := &httpHandler{next: h, route: func(r *http.Request) string { return r.Pattern }}
	for _, o := range opts {
		if o != nil {
			o(instrumented)
		}
	}
	return instrumented
}

type httpHandler struct {
	next  http.Handler
	route func(*http.Request) string
}

// ServeHTTP implements http.Handler.
func (h *httpHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	inv, ok := r.Context().Value(invocationKey{}).(*invocation)
	if !ok {
		h.next.ServeHTTP(w, r)
		return
	}
	inner := r.WithContext(r.Context()) // a copy, since a handler must not change its request
	inner.Header = inv.childHeader(r)
	returned := false
	defer func() {
		r.Pattern = inner.Pattern // as if there were no copy
		inv.recordRoute(h.route, inner)
		if !returned && inv.streams {
			inv.passPanic(recover())
		}
	}()
	h.next.ServeHTTP(w, inner)
	returned = true
}

// childHeader returns the header of a request as if the span in its context had sent it, instead of the caller.
func (inv *invocation) childHeader(r *http.Request) http.Header {
	header := r.Header
	if !trace.SpanContextFromContext(r.Context()).IsValid() {
		return header
	}
	inv.protect(func() {
		child := header.Clone()
		global := otel.GetTextMapPropagator() // which instrumentation within reads; of the caller only the span is replaced
		caller := global.Extract(r.Context(), propagation.HeaderCarrier(header))
		inject(trace.ContextWithSpan(caller, trace.SpanFromContext(r.Context())), global, child)
		inject(r.Context(), inv.propagator(), child)
		header = child
	})
	return header
}

// inject replaces the propagator's fields in a header.
func inject(ctx context.Context, propagator propagation.TextMapPropagator, header http.Header) {
	for _, field := range propagator.Fields() {
		header.Del(field)
	}
	propagator.Inject(ctx, propagation.HeaderCarrier(header))
}

// recordRoute names the span by the route that served a request.
func (inv *invocation) recordRoute(route func(*http.Request) string, r *http.Request) {
	inv.protect(func() {
		template := templateOf(route(r), r.Host)
		if template == "" {
			return
		}
		method, _, _ := strings.Cut(inv.spanName, " ")
		inv.span.SetName(cmp.Or(method, r.Method) + " " + template)
		inv.span.SetAttributes(semconv.HTTPRoute(template))
	})
}

// templateOf returns a route without its method, and without the request's host, which a pattern of http.ServeMux may
// have.
func templateOf(route, host string) string {
	route = strings.TrimSpace(route)
	if i := strings.IndexAny(route, " \t"); i > 0 && strings.IndexFunc(route[:i], isNoLetter) < 0 {
		route = strings.TrimLeft(route[i:], " \t")
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if path, ok := strings.CutPrefix(route, host); ok && strings.HasPrefix(path, "/") {
		return path
	}
	return route
}

func isNoLetter(r rune) bool { return !unicode.IsLetter(r) }

// passPanic records and flushes a panic with that value and lets it continue. runtime.Goexit, for which the value is
// nil, ends the goroutine only. The exit is not certain: a caller of the http.Handler may recover the panic.
func (inv *invocation) passPanic(value any) {
	if value == nil {
		return
	}
	if !inv.panicked.Swap(true) {
		inv.recordPanic(failureOfPanic(value))
		inv.exit.announce(false)
		inv.flushBeforeExit()
	}
	panic(value)
}
