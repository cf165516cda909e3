package delivery_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// exporter is a custom exporter that checks that its methods are never called concurrently.
type exporter struct {
	takes func(ctx context.Context, items []string) error

	running sync.Mutex
	mu      sync.Mutex
	calls   []string
	taken   []string
	closes  int
	misuse  []string
}

func (x *exporter) SendItems(ctx context.Context, items []string) error {
	if !x.running.TryLock() {
		x.fault("SendItems during another call")
		return nil
	}
	defer x.running.Unlock()
	copied := slices.Clone(items)
	x.mu.Lock()
	x.calls = append(x.calls, strings.Join(items, ","))
	x.mu.Unlock()
	err := x.takes(ctx, items)
	if !slices.Equal(items, copied) {
		x.fault("the items changed during the call")
	}
	if err == nil {
		x.mu.Lock()
		x.taken = append(x.taken, copied...)
		x.mu.Unlock()
	}
	return err
}

func (x *exporter) Close(context.Context) error {
	if !x.running.TryLock() {
		x.fault("Close during another call")
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closes++ // the lock stays: no call may follow
	return nil
}

func (x *exporter) fault(what string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.misuse = append(x.misuse, what)
}

func (x *exporter) got() (calls, taken []string, closes int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.calls), slices.Clone(x.taken), x.closes
}

func (x *exporter) check(t *testing.T) {
	t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range x.misuse {
		t.Error(m)
	}
}

func newItemQueue(x *exporter, change ...func(*delivery.Config)) *delivery.Queue[string] {
	q := delivery.NewItemQueue(delivery.NewItemEngine(), options(change...), x)
	q.SetBackgroundExport(false)
	return q
}

var errPicky = errors.New("message larger than max")

// picky takes every batch without an item that begins with "bad". It needs some time for a failure.
func picky(ctx context.Context, items []string) error {
	for _, item := range items {
		switch {
		case strings.HasPrefix(item, "bad"):
			time.Sleep(10 * ms)
			return errPicky
		case strings.HasPrefix(item, "hang"):
			<-ctx.Done()
			return ctx.Err()
		}
	}
	return nil
}
