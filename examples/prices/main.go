package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/epilogue-go/epilogue/otelx"
)

const (
	drainTimeout     = 5 * time.Second // for the requests in flight at SIGTERM
	telemetryTimeout = 3 * time.Second // for the telemetry left after them

	scope = "github.com/epilogue-go/epilogue/examples/prices"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		slog.Error("prices", "error", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then shuts down in order: the server first, because its requests still end spans, the
// telemetry last.
func run(ctx context.Context) error {
	cfg, err := readSettings(os.Getenv)
	if err != nil {
		return err
	}
	defer startTelemetry(ctx)()

	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", cfg.addr)
	if err != nil {
		return fmt.Errorf("PRICES_ADDR=%q: %w", cfg.addr, err)
	}
	slog.Info("prices listens", "addr", listener.Addr().String())
	return serve(ctx, listener, newService(cfg.slow))
}

// startTelemetry sends traces, metrics and logs, the runtime's metrics among them, and makes the log's lines log records too. The
// function that it returns ends that.
func startTelemetry(ctx context.Context) (stop func()) {
	name := resource.NewSchemaless(attribute.String("service.name", "prices"))
	tel, err := otelx.New(ctx, otelx.Fallback(otelx.WithResource(name)), otelx.WithLogs(),
		otelx.WithMetrics(otelx.WithProducers(runtime.NewProducer()))) // the producer brings the histogram of scheduling
	if err := errors.Join(err, runtime.Start()); err != nil {
		slog.Error("telemetry", "error", err) // the service works all the same
	}
	lines := slog.NewTextHandler(os.Stderr, nil)
	slog.SetDefault(slog.New(slog.NewMultiHandler(lines, otelslog.NewHandler(scope))))
	return func() {
		slog.SetDefault(slog.New(lines)) // a record after the shutdown would not leave
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), telemetryTimeout)
		defer cancel()
		if err := tel.Shutdown(ctx); err != nil {
			slog.Error("telemetry shutdown", "error", err)
		}
		slog.LogAttrs(ctx, slog.LevelInfo, "prices has ended", counts(tel)...)
	}
}

// counts are the delivery counts of each signal.
func counts(tel *otelx.SDK) (groups []slog.Attr) {
	for _, c := range tel.Counts() {
		groups = append(groups, slog.Group(c.Name,
			"ended", c.Ended, "exported", c.Exported, "pending", c.Pending, "dropped", c.Dropped))
	}
	return groups
}

// serve answers requests with h until ctx ends or the listener breaks; it owns the listener. It returns when no request
// is in flight any more, or drainTimeout after the end of ctx, with an error.
func serve(ctx context.Context, listener net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	select {
	case err := <-served: // never nil
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err := server.Shutdown(drain)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests still in flight after %s: %w", drainTimeout, err), server.Close())
	}
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
