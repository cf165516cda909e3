package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/epilogue-go/epilogue/internal/replay"
)

// spanTarget is where the spans go.
type spanTarget interface {
	add(ctx context.Context, data *tracepb.TracesData) error
	finish(ctx context.Context) error
	summarize(out io.Writer)
}

// delivery sends.
type delivery struct {
	sender   *replay.Sender
	endpoint string
}

func (d *delivery) add(ctx context.Context, data *tracepb.TracesData) error {
	return d.sender.Add(ctx, data)
}

// finish sends the rest. Its error says what could not be sent.
func (d *delivery) finish(ctx context.Context) error {
	err := d.sender.Flush(ctx)
	a := d.sender.Account()
	if err == nil || a.Failed+a.Rejected == 0 {
		return err
	}
	return fmt.Errorf("%d of %d spans were not taken: %w", a.Failed+a.Rejected, a.Found-a.Duplicates, err)
}

func (d *delivery) summarize(out io.Writer) {
	a := d.sender.Account()
	fmt.Fprintf(out, "spans: %d found%s; %d sent%s%s\n", a.Found, unless0(a.Duplicates, ", %d of them copies"),
		a.Sent, unless0(a.Rejected, ", %d rejected"), unless0(a.Failed, ", %d not sent"))
	fmt.Fprintf(out, "endpoint: %s\n", d.endpoint)
}

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
		fmt.Fprintf(out, "trace %s  %d spans\n", id, t.traces[id])
	}
	fmt.Fprintf(out, "spans: %d found%s, in %d traces; nothing was sent\n", len(t.seen)+t.copies,
		unless0(t.copies, ", %d of them copies"), len(ids))
}
