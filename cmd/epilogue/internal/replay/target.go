package replay

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/epilogue-go/epilogue/internal/replay"
	"github.com/epilogue-go/epilogue/internal/report"
)

// spanTarget is a destination of spans.
type spanTarget interface {
	add(ctx context.Context, data *tracepb.TracesData) error
	finish(ctx context.Context) error
	summarize(out io.Writer)
}

// delivery sends.
type delivery struct{ sender *replay.Sender }

func (d *delivery) add(ctx context.Context, data *tracepb.TracesData) error {
	return d.sender.Add(ctx, data)
}

// finish sends the rest. Its error says how many spans were not accepted.
func (d *delivery) finish(ctx context.Context) error {
	err := d.sender.Flush(ctx)
	a := d.sender.Counts()
	if err == nil || a.Failed+a.Rejected == 0 {
		return err
	}
	return fmt.Errorf("%d of %s not taken: %w", a.Failed+a.Rejected, report.Plural(a.Found-a.Duplicates, "span"), err)
}

func (d *delivery) summarize(out io.Writer) {
	a := d.sender.Counts()
	fmt.Fprintf(out, "spans: %d found%s; %d sent%s%s\n", a.Found, copies(a.Duplicates), a.Sent,
		unless0(a.Rejected, fmt.Sprintf(", %d rejected", a.Rejected)), unless0(a.Failed, fmt.Sprintf(", %d not sent", a.Failed)))
	fmt.Fprintf(out, "endpoint: %s\n", report.Visible(d.sender.Target()))
}

func copies(n int) string { return unless0(n, fmt.Sprintf(", %d of them copies", n)) }

// census counts.
type census struct {
	traces map[string]int // spans by trace id
	seen   map[string]bool
	copies int
}

func (t *census) add(_ context.Context, data *tracepb.TracesData) error {
	for _, r := range data.GetResourceSpans() {
		for _, s := range r.GetScopeSpans() {
			for _, span := range s.GetSpans() {
				id := string(span.GetTraceId()) + string(span.GetSpanId())
				if t.seen[id] {
					t.copies++
					continue
				}
				t.seen[id] = true
				t.traces[hex.EncodeToString(span.GetTraceId())]++
			}
		}
	}
	return nil
}

func (*census) finish(context.Context) error { return nil }

func (t *census) summarize(out io.Writer) {
	ids := slices.Sorted(maps.Keys(t.traces))
	for _, id := range ids {
		fmt.Fprintf(out, "trace %s  %s\n", id, report.Plural(t.traces[id], "span"))
	}
	fmt.Fprintf(out, "spans: %d found%s, in %s; nothing was sent\n", len(t.seen)+t.copies, copies(t.copies), report.Plural(len(ids), "trace"))
}
