package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/fileexporter"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
)

// collectorConfig is the Collector's configuration, with its address and the file left open. It closes idle connections
// quickly: a frozen function finds its own dead when it thaws.
const collectorConfig = `yaml:
receivers:
  otlp:
    protocols:
      http:
        endpoint: %s
        keepalive:
          idle_timeout: 100ms
exporters:
  file:
    path: %s
    flush_interval: 100ms
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [file]
    metrics:
      receivers: [otlp]
      exporters: [file]
    logs:
      receivers: [otlp]
      exporters: [file]
`

// collectorVariable holds the configuration in the environment of a test binary that is to be a Collector.
const collectorVariable = "E2E_COLLECTOR"

// runCollector is the main of that process. It returns when SIGTERM has ended the Collector. The Collector's own handling of
// signals begins after it has said that it is ready.
func runCollector(config string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	col, err := otelcol.NewCollector(otelcol.CollectorSettings{
		BuildInfo:               component.NewDefaultBuildInfo(),
		DisableGracefulShutdown: true,
		Factories: func() (otelcol.Factories, error) {
			otlp, file := otlpreceiver.NewFactory(), fileexporter.NewFactory()
			return otelcol.Factories{
				Receivers: map[component.Type]receiver.Factory{otlp.Type(): otlp},
				Exporters: map[component.Type]exporter.Factory{file.Type(): file},
				Telemetry: otelconftelemetry.NewFactory(),
			}, nil
		},
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			URIs:              []string{config},
			ProviderFactories: []confmap.ProviderFactory{yamlprovider.NewFactory()},
		}},
	})
	if err != nil {
		return fmt.Errorf("make collector: %w", err)
	}
	return col.Run(ctx)
}

// collector is a running Collector.
type collector struct {
	*process
	url, file string
}

// startCollector returns when the Collector takes requests.
func startCollector(t *testing.T) *collector {
	t.Helper()
	addr := freeAddress(t)
	c := &collector{url: "http://" + addr, file: filepath.Join(t.TempDir(), "telemetry.json")}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c.process = startProcess(t, []string{collectorVariable + "=" + fmt.Sprintf(collectorConfig, addr, c.file)}, self)
	c.waitFor(t, "Everything is ready")
	return c
}

// freeAddress returns one on the loopback that was free a moment ago, for a server that does not report its port.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}
