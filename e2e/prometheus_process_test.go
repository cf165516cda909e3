package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

// prometheus is a running Prometheus that takes OTLP over HTTP.
type prometheus struct {
	*process
	url     string // its HTTP API
	metrics string // takes OTLP
}

// prometheusConfig has no targets. Series have the attributes that identify their process, which OTLP's resource holds.
const prometheusConfig = `
otlp:
  promote_resource_attributes: [service.instance.id]
`

// startPrometheus returns when Prometheus takes requests.
func startPrometheus(t *testing.T) *prometheus {
	t.Helper()
	path := buildTool(t, "prometheus", "prometheus", "GOFLAGS=-tags=remove_all_sd")
	addr, dir := freeAddress(t), t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte(prometheusConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &prometheus{url: "http://" + addr, metrics: "http://" + addr + "/api/v1/otlp/v1/metrics"}
	p.process = startProcess(t, []string{"GOMEMLIMIT=256MiB"}, path,
		"--config.file="+config, "--storage.tsdb.path="+dir, "--web.listen-address="+addr, "--web.enable-otlp-receiver")
	p.waitFor(t, "Server is ready to receive web requests.")
	return p
}

// sample is a series with its newest value.
type sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"` // the time, and the value as text
}

// query returns the answer to an instant query.
func (p *prometheus) query(t *testing.T, promql string) []sample {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/api/v1/query?query="+url.QueryEscape(promql), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   struct {
			Result []sample `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Status != "success" {
		t.Fatalf("Prometheus answers %s: %+v, %v", resp.Status, answer, err)
	}
	return answer.Data.Result
}
