// The program web is a function that serves HTTP: with http.ServeMux or chi, under lambdaurl or aws-lambda-go-api-proxy, and
// with otelhttp inside.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdaurl"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"
	"github.com/go-chi/chi/v5"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
)

func main() {
	ctx := context.Background()
	tel, err := otelx.New(ctx, awslambda.Defaults())
	if err != nil {
		slog.Error("telemetry", "error", err)
	}
	ag := agent.Start(ctx, tel)
	lambda.Start(handler.Wrap(host(routers[os.Getenv("E2E_ROUTER")]()), handler.WithTracker(ag), handler.WithoutInitSpan()))
}

// host makes a Lambda handler of an http.Handler.
func host(h http.Handler) any {
	if os.Getenv("E2E_HOST") == "lambdaurl" {
		return lambdaurl.Wrap(h)
	}
	return httpadapter.NewV2(h).ProxyWithContext
}

// routers are the http.Handlers, by the router and the place of handler.HTTP.
var routers = map[string]func() http.Handler{
	"mux": func() http.Handler { return handler.HTTP(mux()) },
	"mux in otelhttp": func() http.Handler {
		m := mux()
		return handler.HTTP(otelhttp.NewHandler(m, "serve"), handler.WithRoute(func(r *http.Request) string {
			_, pattern := m.Handler(r)
			return pattern
		}))
	},
	"chi": func() http.Handler {
		router := chiRouter()
		return handler.HTTP(router, handler.WithRoute(func(r *http.Request) string {
			return router.Find(chi.NewRouteContext(), r.Method, r.URL.Path)
		}))
	},
	"chi with middleware": func() http.Handler {
		return chiRouter(func(next http.Handler) http.Handler { return handler.HTTP(next) })
	},
}

func mux() *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc("GET /orders/{id}", show)
	m.HandleFunc("GET /faults/{kind}", fail)
	return m
}

func chiRouter(middlewares ...func(http.Handler) http.Handler) *chi.Mux {
	router := chi.NewRouter()
	router.Use(middlewares...)
	router.Get("/orders/{id}", show)
	router.Route("/faults", func(r chi.Router) { r.Get("/{kind}", fail) })
	return router
}

func show(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "order at %s", r.URL.Path) }

// fail panics in the midst of a response.
func fail(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "part")
	panic("the shelf broke at " + r.URL.Path)
}
