package replay

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/replay"
	"github.com/epilogue-go/epilogue/internal/report"
	"github.com/epilogue-go/epilogue/internal/spill/lines"
)

// target is a destination of documents.
type target interface {
	add(ctx context.Context, d lines.Document) error
	finish(ctx context.Context) error
	summarize(out io.Writer)
}

// itemOf names an item of each signal.
var itemOf = map[otelenv.Signal]string{otelenv.Traces: "span", otelenv.Metrics: "data point", otelenv.Logs: "log record"}

// delivery sends.
type delivery struct{ sender *replay.Sender }

func (d *delivery) add(ctx context.Context, document lines.Document) error {
	return d.sender.Add(ctx, document)
}

// finish sends the rest. Its error says how many items were not accepted.
func (d *delivery) finish(ctx context.Context) error {
	err := d.sender.Flush(ctx)
	if err == nil {
		return nil
	}
	var left []string
	for _, signal := range replay.Signals {
		if a := d.sender.Counts(signal); a.Failed+a.Rejected > 0 {
			left = append(left, fmt.Sprintf("%d of %s", a.Failed+a.Rejected, report.Plural(a.Found-a.Duplicates, itemOf[signal])))
		}
	}
	if left == nil {
		return err
	}
	return fmt.Errorf("%s not taken: %w", strings.Join(left, ", "), err)
}

// summarize writes a line for each signal that was found; without any, one about spans.
func (d *delivery) summarize(out io.Writer) {
	found := 0
	for _, signal := range replay.Signals {
		found += d.sender.Counts(signal).Found
	}
	for _, signal := range replay.Signals {
		a := d.sender.Counts(signal)
		if a.Found == 0 && (found > 0 || signal != otelenv.Traces) {
			continue
		}
		fmt.Fprintf(out, "%ss: %d found%s; %d sent%s%s\n", itemOf[signal], a.Found, copies(a.Duplicates), a.Sent,
			unless0(a.Rejected, fmt.Sprintf(", %d rejected", a.Rejected)), unless0(a.Failed, fmt.Sprintf(", %d not sent", a.Failed)))
		fmt.Fprintf(out, "endpoint: %s\n", report.Visible(d.sender.Target(signal)))
	}
}

func copies(n int) string { return unless0(n, fmt.Sprintf(", %d of them copies", n)) }

// census counts.
type census struct {
	counter *replay.Counter
	traces  map[string]int // spans by trace id
}

func newCensus() *census {
	c := &census{traces: make(map[string]int)}
	c.counter = replay.NewCounter(func(traceID []byte) { c.traces[hex.EncodeToString(traceID)]++ })
	return c
}

func (t *census) add(_ context.Context, d lines.Document) error { return t.counter.Add(d) }

func (*census) finish(context.Context) error { return nil }

func (t *census) summarize(out io.Writer) {
	ids := slices.Sorted(maps.Keys(t.traces))
	for _, id := range ids {
		fmt.Fprintf(out, "trace %s  %s\n", id, report.Plural(t.traces[id], itemOf[otelenv.Traces]))
	}
	for _, signal := range []otelenv.Signal{otelenv.Metrics, otelenv.Logs} {
		if a := t.counter.Counts(signal); a.Found > 0 {
			fmt.Fprintf(out, "%ss: %d found%s\n", itemOf[signal], a.Found, copies(a.Duplicates))
		}
	}
	a := t.counter.Counts(otelenv.Traces)
	fmt.Fprintf(out, "spans: %d found%s, in %s; nothing was sent\n", a.Found, copies(a.Duplicates), report.Plural(len(ids), "trace"))
}
