package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
)

// maxLine is the longest line that contrib's otlpjsonfile receiver reads as one (its max_log_size, by default).
const maxLine = 1 << 20

// linesFactory makes a receiver that does what contrib's otlpjsonfile receiver does with a file: each line goes to pdata's
// JSON unmarshaler and from there into the pipeline. That receiver brings along the whole of contrib's log collection; this
// one reads a file once, and will not start if there is a line in it that is no OTLP.
func linesFactory() receiver.Factory {
	return receiver.NewFactory(component.MustNewType("otlpjsonlines"),
		func() component.Config { return &linesConfig{} },
		receiver.WithTraces(func(_ context.Context, _ receiver.Settings, config component.Config, next consumer.Traces) (receiver.Traces, error) {
			return &linesReceiver{config.(*linesConfig).Include, next}, nil
		}, component.StabilityLevelDevelopment))
}

type linesConfig struct {
	Include string `mapstructure:"include"` // the file's path
}

type linesReceiver struct {
	path string
	next consumer.Traces
}

// Start reads all of the file.
func (r *linesReceiver) Start(ctx context.Context, _ component.Host) (err error) {
	file, err := os.Open(filepath.Clean(r.path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		traces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(lines.Bytes())
		if err == nil {
			err = r.next.ConsumeTraces(ctx, traces)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return lines.Err()
}

// Shutdown has nothing to do.
func (*linesReceiver) Shutdown(context.Context) error { return nil }
