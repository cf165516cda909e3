package e2e

import (
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// checkScenario checks the received spans: each invocation has one span, each failed one has status Error on all spans it
// left open, and traces continue in prices.
func checkScenario(t *testing.T, spans []span) {
	t.Helper()
	byID := map[pcommon.SpanID]span{}
	roots := map[string]span{}
	for _, s := range spans {
		byID[s.SpanID()] = s
		if id := s.invocation(); id != "" {
			if _, again := roots[id]; again {
				t.Errorf("two spans have the invocation %v", id)
			}
			roots[id] = s
		}
	}
	for i, step := range steps {
		root, ok := roots[requestID(i)]
		if !ok {
			t.Errorf("%s: no span for the invocation", step.name)
			continue
		}
		if step.fault {
			checkFailed(t, step.name, root, spans)
		}
	}
	checkPrices(t, spans, byID)
	if len(named(spans, "close the shop")) == 0 {
		t.Error("the spans that ended after SIGTERM did not arrive")
	}
}

// checkFailed expects status Error on the invocation and on the spans that its fault left open.
func checkFailed(t *testing.T, step string, root span, spans []span) {
	t.Helper()
	if !root.failed() {
		t.Errorf("%s: the invocation's status is %s", step, root.Status().Code())
	}
	open := map[string]bool{"pack order": true, "wait for the glacier": true}
	arrived := 0
	for _, s := range spans {
		if s.TraceID() != root.TraceID() || s.ParentSpanID() != root.SpanID() || !open[s.Name()] {
			continue
		}
		arrived++
		if !s.failed() {
			t.Errorf("%s: %s, left open, has status %s", step, s.Name(), s.Status().Code())
		}
	}
	if arrived != 1 {
		t.Errorf("%s: %d spans that were left open arrived, want 1", step, arrived)
	}
}

// checkPrices expects a span of prices under each request that got an answer.
func checkPrices(t *testing.T, spans []span, byID map[pcommon.SpanID]span) {
	t.Helper()
	answered := 0
	for _, s := range named(spans, "HTTP GET") {
		if !s.failed() {
			answered++
		}
	}
	served := named(spans, "GET /prices/{sku}")
	if answered == 0 || len(served) < answered {
		t.Errorf("%d requests were answered, prices has %d spans", answered, len(served))
	}
	for _, s := range served {
		client, ok := byID[s.ParentSpanID()]
		if !ok || client.Name() != "HTTP GET" || client.TraceID() != s.TraceID() || s.service != "prices" {
			t.Errorf("the parent of span %s of %s is no request that was answered", s.SpanID(), s.service)
		}
	}
}

func named(spans []span, name string) []span {
	var out []span
	for _, s := range spans {
		if s.Name() == name {
			out = append(out, s)
		}
	}
	return out
}
