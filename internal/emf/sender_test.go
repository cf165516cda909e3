package emf

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/delivery"
)

// output is a writer whose Writes may block or fail.
type output struct {
	mu      sync.Mutex
	writes  []string
	blocked chan struct{} // the next Write waits for it; nil: none waits
	part    int           // bytes that the next Write writes; 0: all
	err     error         // of the next Write
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if blocked := o.blocked; blocked != nil {
		o.blocked = nil
		<-blocked
	}
	n, err := len(p), o.err
	if err != nil || o.part > 0 {
		n = o.part
	}
	if n > 0 {
		o.writes = append(o.writes, string(p[:n]))
	}
	o.part, o.err = 0, nil
	return n, err
}

const threeLines = "one\ntwo\nthree\n"

// send sends body and checks that the outcome agrees with the error.
func send(t *testing.T, s *Sender, body string) error {
	t.Helper()
	r, err := s.Send(t.Context(), delivery.Metrics, []byte(body))
	if (err == nil) != (r.Outcome == delivery.Accepted) || err != nil && r.Outcome != delivery.RetryNextFlush {
		t.Errorf("%+v, %v", r, err)
	}
	return err
}

// want checks the writes so far.
func (o *output) want(t *testing.T, want ...string) {
	t.Helper()
	if got := strings.Join(o.writes, "|"); got != strings.Join(want, "|") {
		t.Errorf("writes %q, want %q", got, want)
	}
}

func TestEachLineIsOneWrite(t *testing.T) {
	out := &output{}
	if err := send(t, NewSender(out), threeLines); err != nil {
		t.Error(err)
	}
	out.want(t, "one\n", "two\n", "three\n")
}

// TestRepeatedRequestsContinue: lines that are written are not written again.
func TestRepeatedRequestsContinue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		out := &output{blocked: release}
		s := NewSender(out)
		begin := time.Now()
		if err := send(t, s, threeLines); !errors.Is(err, bounded.ErrNotReturned) || time.Since(begin) != writeTime {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		begin = time.Now()
		if err := send(t, s, threeLines); !errors.Is(err, bounded.ErrStillRunning) || time.Since(begin) != 0 {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		close(release)
		synctest.Wait()
		out.want(t, "one\n")
		if err := send(t, s, threeLines); err != nil {
			t.Error(err)
		}
		out.want(t, "one\n", "two\n", "three\n")
		if err := send(t, s, "one\n"); err != nil { // another request
			t.Error(err)
		}
		out.want(t, "one\n", "two\n", "three\n", "one\n")
	})
}

// TestFailedWrites: the rest of a request stays, and a line that is written in part does not spoil the next one.
func TestFailedWrites(t *testing.T) {
	out := &output{err: io.ErrClosedPipe}
	s := NewSender(out)
	if err := send(t, s, threeLines); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	out.part, out.err = 2, io.ErrClosedPipe
	if err := send(t, s, threeLines); err == nil {
		t.Error("no error of a partial write")
	}
	out.part = 2
	if err := send(t, s, threeLines); err == nil {
		t.Error("no error of a short write")
	}
	if err := send(t, s, threeLines); err != nil {
		t.Error(err)
	}
	out.want(t, "on", "\no", "\none\n", "two\n", "three\n")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := s.Send(ended, delivery.Metrics, []byte("four\n")); err == nil || r.Outcome != delivery.RetryNextFlush {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestDelivery: through an engine, each point is written once although standard output blocks for a while.
func TestDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		out := &output{blocked: release}
		queue := delivery.NewQueue(delivery.NewEngine(NewSender(out), delivery.NewResources(1<<18)), delivery.Config{
			Signal: delivery.Metrics, Items: "data points", Capacity: 1000, BatchSize: 50, RequestBytes: 1 << 18,
			Timeout: 2 * time.Second,
		}, NewEncoder(Format{Namespace: "shop"}))
		c := NewConverter(Config{MaxSeries: 200})
		rm := collection()
		for i := range 120 {
			rm.ScopeMetrics[0].Metrics = append(rm.ScopeMetrics[0].Metrics, sum("n", 1, attribute.Int("i", i)))
		}
		points, _ := c.Points(rm)
		for _, p := range points {
			queue.Push(p, p.Bytes())
		}
		begin := time.Now()
		if err := queue.Flush(t.Context()); err == nil || time.Since(begin) > 200*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		if s := queue.Stats(); s.Pending != 120 || s.Exported != 0 {
			t.Errorf("%+v", s)
		}
		close(release)
		synctest.Wait()
		if err := queue.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if s := queue.Stats(); s.Exported != 120 {
			t.Errorf("%+v", s)
		}
		if got := len(parse(t, []byte(strings.Join(out.writes, "")))); got != 120 ||
			bytes.Count([]byte(out.writes[0]), []byte("\n")) != 1 {
			t.Errorf("%d values", got)
		}
		if err := queue.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
