package e2e

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// proxy is the network between the function and its backend: a toxiproxy in this process, on real sockets.
type proxy struct {
	*testing.T
	p *toxiproxy.Proxy
}

// startProxy lets connections through to the backend at url. It ends with the test.
func startProxy(t *testing.T, url string) *proxy {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := &proxy{t, toxiproxy.NewProxy(server, "backend", "127.0.0.1:0", strings.TrimPrefix(url, "http://"))}
	p.up()
	t.Cleanup(p.p.Stop)
	return p
}

// url is where the function finds the proxy.
func (p *proxy) url() string { return "http://" + p.p.Listen }

// down refuses connections and ends those there are.
func (p *proxy) down() { p.p.Stop() }

// up takes connections again, at the same address.
func (p *proxy) up() {
	p.Helper()
	if err := p.p.Start(); err != nil {
		p.Fatalf("start the proxy: %v", err)
	}
}

// toxic is one of toxiproxy's faults.
type toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"` // "upstream": what the function sends; "downstream": the answers
	Attributes map[string]int `json:"attributes"`
}

const (
	requests = "upstream"
	answers  = "downstream"
)

// poison adds a toxic to the connections there are and to those to come.
func (p *proxy) poison(what toxic) {
	p.Helper()
	// toxiproxy's toxics have no constructor but this one.
	data, err := json.Marshal(what)
	if err != nil {
		p.Fatal(err)
	}
	if _, err := p.p.Toxics.AddToxicJson(bytes.NewReader(data)); err != nil {
		p.Fatalf("add toxic %s: %v", data, err)
	}
}

// heal removes all toxics.
func (p *proxy) heal() { p.p.Toxics.ResetToxics(p.Context()) }
