package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPanicLeavesASpanOpen(t *testing.T) {
	a, rec := newTestAPI(t, map[string]string{"ORDERS_FAULTS": "on"})
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
		if diff := cmp.Diff([]string{"weigh"}, rec.endedNames()); diff != "" {
			t.Errorf("ended spans (-want +got):\n%s", diff)
		}
		if got := len(rec.Started()); got != 2 {
			t.Errorf("%d spans were started; want 2", got)
		}
	}()
	_, _ = a.handle(t.Context(), sampleEvent(t, "panic.json"))
}

// The fault ignores its deadline and the answer: it still runs when its context has ended.
func TestTimeoutOverstays(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	prices := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cancel()
		if r.URL.Path != "/prices/"+slowSKU {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer prices.Close()
	a, rec := newTestAPI(t, map[string]string{"ORDERS_FAULTS": "on", "PRICES_URL": prices.URL})
	a.faultHold = 1

	ctx, end := rec.invocation(ctx)
	res, err := a.handle(ctx, sampleEvent(t, "timeout.json"))
	end()
	if err != nil || res.StatusCode != http.StatusNoContent {
		t.Errorf("got %d %s, %v", res.StatusCode, res.Body, err)
	}
	if diff := cmp.Diff([]string{"HTTP GET", "wait for the glacier", "invocation"}, rec.endedNames()); diff != "" {
		t.Errorf("ended spans (-want +got):\n%s", diff)
	}
}

func TestUnknownFault(t *testing.T) {
	a, _ := newTestAPI(t, map[string]string{"ORDERS_FAULTS": "on"})
	for path, want := range map[string]int{"/faults/flood": 404, "/faults/": 404} {
		if res, _ := a.handle(t.Context(), httpRequest("POST", path, "")); res.StatusCode != want {
			t.Errorf("%s: got %d; want %d", path, res.StatusCode, want)
		}
	}
	if res, _ := a.handle(t.Context(), httpRequest("GET", "/faults/panic", "")); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET /faults/panic: got %d; want 405", res.StatusCode)
	}
}
