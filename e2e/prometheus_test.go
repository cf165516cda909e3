package e2e

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Prometheus has the count of all orders of a day in the shop, from each environment, through freezes in which all connections
// end, a panic and a timeout. Each environment is a series of its own.
func TestPrometheusHasEveryOrder(t *testing.T) {
	p := startPrometheus(t)
	way := startProxy(t, p.url)
	restart := func() { way.down(); way.up() }
	runFunction(t, "orders", way.url(), steps, restart, "ORDERS_FAULTS=on", "OTEL_TRACES_EXPORTER=none", "OTEL_LOGS_EXPORTER=lambda",
		"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT="+way.url()+"/api/v1/otlp/v1/metrics")

	for promql, want := range map[string]map[string]any{
		`sum by (order_sku) (orders_taken_total)`:                                  {"tea": "4", "coffee": "1", "cup": "1"},
		`sum(orders_amount_sum)`:                                                   {"": "13130"}, // cents: 4 × 900 + 8280 + 1250
		`count(count by (service_instance_id) (orders_taken_total{job="orders"}))`: {"": "3"},
		// Of eleven invocations one panics and one times out.
		`sum(faas_invocations_total)`: {"": "9"},
		`sum(faas_errors_total)`:      {"": "1"},
		`sum(faas_timeouts_total)`:    {"": "1"},
	} {
		got := map[string]any{}
		for _, s := range p.query(t, promql) {
			got[s.Metric["order_sku"]] = s.Value[1]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", promql, diff)
		}
	}
	p.stop(t)
}
