package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dropError is the error of Config.DropError.
type dropError struct {
	dropped delivery.Dropped
	cause   error
}

func (e *dropError) Error() string { return fmt.Sprintf("dropped %+v: %v", e.dropped, e.cause) }

func (e *dropError) Unwrap() error { return e.cause }

// options is a configuration for tests: 100 items, batches of 10, no background export, a timeout of 30 s.
func options(change ...func(*delivery.Config)) delivery.Config {
	c := delivery.Config{
		Signal: delivery.Traces, Items: "spans", Capacity: 100, BatchSize: 10, RequestBytes: 1 << 20,
		Delay: time.Second, Timeout: 30 * time.Second,
		DropError: func(d delivery.Dropped, cause error) error { return &dropError{d, cause} },
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

func batchSize(n int) func(*delivery.Config) { return func(c *delivery.Config) { c.BatchSize = n } }
func capacity(n int) func(*delivery.Config)  { return func(c *delivery.Config) { c.Capacity = n } }
func signal(s delivery.Signal) func(*delivery.Config) {
	return func(c *delivery.Config) { c.Signal = s }
}

func requestBytes(n int) func(*delivery.Config) {
	return func(c *delivery.Config) { c.RequestBytes = n }
}
func hedged(c *delivery.Config) { c.Hedge = true }

// newQueue returns a queue without background export on an engine of its own.
func newQueue(b *backend, change ...func(*delivery.Config)) (*delivery.Engine, *delivery.Queue[string]) {
	e := delivery.NewEngine(b, delivery.NewResources(1<<20))
	return e, addQueue(e, change...)
}

func addQueue(e *delivery.Engine, change ...func(*delivery.Config)) *delivery.Queue[string] {
	q := delivery.NewQueue(e, options(change...), newEncoder)
	q.SetBackgroundExport(false)
	return q
}

func push(q *delivery.Queue[string], items ...string) {
	for _, item := range items {
		q.Push(item, len(item))
	}
}

func numbers(n int) (all []string) {
	for i := range n {
		all = append(all, strconv.Itoa(i))
	}
	return all
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// flush flushes q within d and returns the error and the time.
func flush(t *testing.T, q *delivery.Queue[string], d time.Duration) (time.Duration, error) {
	t.Helper()
	begin := time.Now()
	err := q.Flush(within(t, d))
	return time.Since(begin), err
}

// async runs fn and returns a channel for its result.
func async(fn func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- fn() }()
	return done
}

func wantNil(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func wantTook(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got != want {
		t.Errorf("%s took %v, want %v", what, got, want)
	}
}

func wantBodies(t *testing.T, b *backend, want ...string) {
	t.Helper()
	if got := b.bodies(); !slices.Equal(got, want) {
		t.Errorf("requests %q, want %q", got, want)
	}
}

func wantSorted(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	got = slices.Sorted(slices.Values(got))
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// wantStats compares all counts but InFlight and Breaker, and asserts that they add up.
func wantStats(t *testing.T, q *delivery.Queue[string], want delivery.Stats) {
	t.Helper()
	got := q.Stats()
	got.InFlight, got.Breaker = 0, 0
	if got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
	addUp(t, got)
}

func addUp(t *testing.T, s delivery.Stats) {
	t.Helper()
	if s.Ended != s.Exported+s.Pending+s.Dropped.Total()+s.Spilled+s.Superseded {
		t.Errorf("the counts do not add up: %+v", s)
	}
}
