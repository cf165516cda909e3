package delivery_test

import (
	"context"
	"errors"
	"fmt"
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

	mu      sync.Mutex
	running bool
	calls   []string
	taken   []string
	closes  int
	misuse  []string
}

func (x *exporter) enter(what string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.running || x.closes > 0 {
		x.misuse = append(x.misuse, fmt.Sprintf("%s: running %v, closed %d times", what, x.running, x.closes))
	}
	x.running = true
}

func (x *exporter) leave() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.running = false
}

func (x *exporter) SendItems(ctx context.Context, items []string) error {
	x.enter("SendItems")
	defer x.leave()
	x.mu.Lock()
	x.calls = append(x.calls, strings.Join(items, ","))
	x.mu.Unlock()
	copied := slices.Clone(items)
	if err := x.takes(ctx, items); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if !slices.Equal(items, copied) {
		x.misuse = append(x.misuse, "the items changed during the call")
	}
	x.taken = append(x.taken, items...)
	return nil
}

func (x *exporter) Close(context.Context) error {
	x.enter("Close")
	defer x.leave()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closes++
	return nil
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
