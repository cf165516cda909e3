package delivery_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// TestStorm calls everything at once, in a random order that the seed repeats as far as the scheduler allows. At the
// end no goroutine is left, all counts add up, and every item is where the counts say.
func TestStorm(t *testing.T) {
	for range 60 {
		seed := rand.Uint64() //nolint:gosec // printed
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { storm(t, seed) })
		})
	}
}

// dice is a source of random numbers for several goroutines.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (d *dice) roll(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

func (d *dice) upTo(longest time.Duration) time.Duration { return time.Duration(d.roll(int(longest))) }

// replies are the answers of a backend in a storm.
var replies = []reply{
	accepts, accepts, accepts, accepts, hangs, cuts, loses, busy, retryAfter(50 * ms), retryAfter(time.Minute), refuses, tooLarge, later,
}

func storm(t *testing.T, seed uint64) {
	d := &dice{r: rand.New(rand.NewPCG(seed, 2))} //nolint:gosec // reproducible
	b := newBackend(func(request) reply { return replies[d.roll(len(replies))].in(d.upTo(200 * ms)) })
	b.limits.Requests = 1 + d.roll(8)
	e := delivery.NewEngine(b, delivery.NewResources(1<<10))
	var queues []*delivery.Queue[string]
	for _, s := range []delivery.Signal{delivery.Traces, delivery.Metrics, delivery.Logs} {
		queues = append(queues, delivery.NewQueue(e, delivery.Config{
			Signal: s, Items: "items", Capacity: 20 + d.roll(100), MaxBytes: d.roll(2) * 500, BatchSize: 1 + d.roll(10), RequestBytes: 1 << 10,
			Delay: d.upTo(time.Second), Timeout: time.Duration(d.roll(3)) * time.Second, Hedge: d.roll(2) == 0,
		}, newEncoder))
	}
	x := &exporter{takes: func(ctx context.Context, _ []string) error { return customReply(ctx, d) }}
	custom := newItemQueue(x)
	queues = append(queues, custom)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 40 {
				stormStep(t, d, e, queues[d.roll(len(queues))])
				time.Sleep(d.upTo(100 * ms))
			}
		})
	}
	all.Wait()
	e.SetExitDeadline(time.Time{})
	b.become(always(accepts))
	for _, q := range queues {
		all.Go(func() { _ = q.Shutdown(within(t, 2*time.Second)) })
		all.Go(func() { _ = q.Shutdown(within(t, 3*time.Second)) })
	}
	all.Wait()
	time.Sleep(10 * time.Minute)
	for _, q := range queues {
		s := q.Stats()
		addUp(t, s)
		if s.InFlight != 0 || q.Idle() != nil {
			t.Errorf("a flush is left: %+v", s)
		}
	}
	_, _, closes := x.got()
	if b.closed() != 1 || closes != 1 {
		t.Errorf("the sender was closed %d times, the exporter %d times", b.closed(), closes)
	}
	if _, most := b.underWay(); most > max(b.limits.Requests, 3) {
		t.Errorf("%d requests at once, limit %d", most, b.limits.Requests)
	}
	b.check(t)
	x.check(t)
}

func customReply(ctx context.Context, d *dice) error {
	switch d.roll(6) {
	case 0:
		return errDown
	case 1:
		panic("boom")
	case 2:
		<-ctx.Done()
		return ctx.Err()
	}
	time.Sleep(d.upTo(100 * ms))
	return nil
}

func stormStep(t *testing.T, d *dice, e *delivery.Engine, q *delivery.Queue[string]) {
	switch d.roll(10) {
	case 0, 1, 2, 3:
		for range d.roll(30) {
			q.Push("item", d.roll(20))
		}
		if d.roll(4) == 0 {
			q.PushCollection(make([]string, d.roll(30)), func(string) int { return d.roll(20) }, func(string) bool { return d.roll(2) == 0 })
		}
	case 4, 5:
		took, _ := flush(t, q, d.upTo(time.Second))
		if took > time.Second {
			t.Errorf("a flush took %v", took)
		}
	case 6:
		q.SetBackgroundExport(d.roll(2) == 0)
	case 7:
		e.SetExitDeadline(time.Now().Add(d.upTo(500 * ms)))
	case 8:
		addUp(t, q.Stats())
		_, _ = q.Pending()
		if idle := q.Idle(); idle != nil {
			select {
			case <-idle:
			case <-time.After(d.upTo(100 * ms)):
			}
		}
	case 9:
		if d.roll(10) == 0 {
			_, _ = spillTo(within(t, time.Second), q, &writer{atOnce: 3})
		}
		if d.roll(40) == 0 {
			_ = q.Shutdown(within(t, d.upTo(500*ms)))
		}
	}
	addUp(t, q.Stats())
}
