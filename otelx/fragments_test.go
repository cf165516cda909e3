package otelx

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// During an outage each flush would leave a small batch behind; together they leave as if they had ended at once.
func TestFragmentsLeaveInFewRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{wide: 4}
		release := x.hold()
		s := start(x, sized{batch: 4})
		for _, names := range []string{"a", "b c", "d", "e f g", "h", "i", "j k l m n"} {
			end(s, strings.Fields(names)...)
			_ = s.ForceFlush(within(t, time.Second))
			time.Sleep(maxPause)
		}
		release()
		x.mu.Lock()
		x.calls = nil
		x.mu.Unlock()
		if err := s.ForceFlush(within(t, time.Second)); err != nil {
			t.Error(err)
		}
		calls := x.log()
		slices.Sort(calls) // those after the probe go out at once
		if want := []string{"a b c d", "e f g h", "i j k l", "m n"}; !slices.Equal(calls, want) {
			t.Errorf("requests of %q, want %q", calls, want)
		}
		wantStats(t, s, Stats{Ended: 14, Exported: 14})
	})
}

// take fills a batch, and no number is lost or mistaken where another batch is on its way or was delivered in between.
func TestFillKeepsTheNumbers(t *testing.T) {
	_, spans := benchSpans(12)
	q := newQueue(100, 4)
	for _, s := range spans[:6] {
		q.add(s)
	}
	first, second := q.take(6), q.take(6) // 0–3 and 4–5
	for _, s := range spans[6:] {
		q.add(s)
	}
	q.settle(first, outcome{n: 3})
	q.release(first) // 3 is left
	b := q.take(12)
	if b.oldest() != 3 || len(b.live()) != 1 {
		t.Errorf("took %d spans from number %d past a batch on its way", len(b.live()), b.oldest())
	}
	q.release(b)
	q.release(second) // 4–5
	if b = q.take(12); b.oldest() != 3 || len(b.live()) != 4 || b.live()[3] != spans[6] {
		t.Errorf("took %d spans from number %d, want 4 from 3", len(b.live()), b.oldest())
	}
	if q.settled(4) || !q.settled(3) {
		t.Error("what is settled is mistaken")
	}
	q.settle(b, outcome{n: 4})
	q.release(b)
	if !q.settled(7) || q.settled(8) {
		t.Error("what is settled is mistaken after a delivery")
	}
	if b = q.take(7); b != nil {
		t.Error("took what is not below target")
	}
	if b = q.take(8); b.oldest() != 7 || len(b.live()) != 3 { // 7, 8, 9 were a batch; those after it are not below 8
		t.Errorf("took %d spans from number %d", len(b.live()), b.oldest())
	}
	if n, _ := q.load(); n != 2 || q.account().Pending != 5 {
		t.Errorf("%d wait, %d pending", n, q.account().Pending)
	}
}

// What a foreign exporter has failed may hold a span that it never takes, which is not to take others along.
func TestFailedBatchesOfAForeignExporterStayApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{script: []outcome{{verdict: keep, err: errDown}}}
		s := start(x, sized{batch: 4})
		end(s, "a")
		_ = s.ForceFlush(within(t, time.Second))
		end(s, "b")
		if err := s.ForceFlush(within(t, time.Second)); err != nil {
			t.Error(err)
		}
		wantCalls(t, x, "a", "a", "b")
	})
}
