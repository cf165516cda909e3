package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
)

func TestCreate(t *testing.T) {
	for _, tt := range []struct {
		event string
		want  order
	}{
		{"create.json", order{SKU: "tea", Quantity: 2, UnitCents: 450, TotalCents: 900, Currency: "EUR"}},
		{"create-base64.json", order{SKU: "coffee", Quantity: 12, UnitCents: 690, TotalCents: 8280, Currency: "EUR"}},
		{"create-traced.json", order{SKU: "cup", Quantity: 1, UnitCents: 1250, TotalCents: 1250, Currency: "EUR"}},
	} {
		t.Run(tt.event, func(t *testing.T) {
			a, _ := newTestAPI(t, nil)
			res, err := a.handle(t.Context(), sampleEvent(t, tt.event))
			if err != nil || res.StatusCode != http.StatusCreated {
				t.Fatalf("got %d %s, %v", res.StatusCode, res.Body, err)
			}
			var got order
			if err := json.Unmarshal([]byte(res.Body), &got); err != nil {
				t.Fatal(err)
			}
			if res.Headers["location"] != "/orders/"+got.ID || got.ID == "" {
				t.Errorf("location is %q for order %q", res.Headers["location"], got.ID)
			}
			again, _ := a.handle(t.Context(), httpRequest("GET", res.Headers["location"], ""))
			if again.StatusCode != http.StatusOK || again.Body != res.Body {
				t.Errorf("read back: %d %s; want 200 %s", again.StatusCode, again.Body, res.Body)
			}
			got.ID = ""
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPricesFail(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"500":             func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"not JSON":        func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "450") },
		"free":            func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"cents":0,"currency":"EUR"}`) },
		"absurd":          func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"cents":9e15,"currency":"EUR"}`) },
		"no currency":     func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"cents":450}`) },
		"connection lost": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cut off":         func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", strconv.Itoa(100)) },
		"too slow":        func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			prices := httptest.NewServer(answer)
			defer prices.Close()
			a, rec := newTestAPI(t, map[string]string{"PRICES_URL": prices.URL, "PRICES_TIMEOUT": "200ms"})
			ctx, end := rec.invocation(t.Context())
			res, err := a.handle(ctx, sampleEvent(t, "create.json"))
			end()
			if err != nil || res.StatusCode != http.StatusBadGateway || !strings.Contains(res.Body, "no price to be had") {
				t.Errorf("got %d %s, %v; want 502", res.StatusCode, res.Body, err)
			}
			spans := rec.Ended()
			root := spans[len(spans)-1]
			if root.Status().Code != codes.Error || len(root.Events()) != 1 {
				t.Errorf("the invocation's span has status %v and %d events", root.Status(), len(root.Events()))
			}
		})
	}
}

func TestPricesSellsNoSuchThing(t *testing.T) {
	prices := httptest.NewServer(http.NotFoundHandler())
	defer prices.Close()
	a, _ := newTestAPI(t, map[string]string{"PRICES_URL": prices.URL})
	res, err := a.handle(t.Context(), sampleEvent(t, "create.json"))
	if err != nil || res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("got %d %s, %v; want 422", res.StatusCode, res.Body, err)
	}
}

func TestStoreForgetsTheOldest(t *testing.T) {
	s := newStore()
	for i := range maxStored + 1 {
		s.put(order{ID: "n" + strconv.Itoa(i)})
	}
	for id, want := range map[string]bool{"17": true, "n0": false, "n1": true, "n1000": true} {
		if _, ok := s.get(id); ok != want {
			t.Errorf("order %s is kept: %t; want %t", id, ok, want)
		}
	}
}
