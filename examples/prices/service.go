package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// newService returns the service's routes under one span a request, named by the route. The price of slowSKU is held back
// for slow, or until the caller goes away.
func newService(slow time.Duration) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /prices/{sku}", func(w http.ResponseWriter, r *http.Request) { servePrice(w, r, slow) })
	return otelhttp.NewHandler(mux, "prices", otelhttp.WithFilter(func(r *http.Request) bool { return r.URL.Path != "/healthz" }))
}

func servePrice(w http.ResponseWriter, r *http.Request, slow time.Duration) {
	sku := r.PathValue("sku")
	span := trace.SpanFromContext(r.Context())
	span.SetAttributes(attribute.String("price.sku", sku))
	cents, ok := catalogue[sku]
	if !ok {
		writeJSON(w, http.StatusNotFound, map[string]string{"error": fmt.Sprintf("sku %q is not sold here", sku)})
		return
	}
	if sku == slowSKU {
		span.AddEvent("waiting for the glacier")
		wait := time.NewTimer(slow)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-r.Context().Done(): // the client has gone
			span.AddEvent("caller has gone")
			return
		}
	}
	span.SetAttributes(attribute.Int64("price.cents", cents))
	writeJSON(w, http.StatusOK, price{SKU: sku, Cents: cents, Currency: "EUR"})
}

// writeJSON answers with status and body. A caller that has gone is not an error worth a line.
func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
