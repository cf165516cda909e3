package otelx

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// firstBackoff is the mean pause before the second attempt at a batch; it doubles with each further one up to maxBackoff.
	firstBackoff = 20 * time.Millisecond
	maxBackoff   = time.Second
	// maxRetryAfter bounds the time for which a backend's Retry-After is honoured.
	maxRetryAfter = 5 * time.Minute
)

// loop decides when spans are exported, and delivers them. At most one run is under way at a time; there is no goroutine
// and no timer without something to export.
type loop struct {
	queue    *queue
	exporter exporter
	delay    time.Duration // of the interval flush
	timeout  time.Duration // for delivering one batch, and for callers without a deadline; 0: none
	report   *reporter

	mu        sync.Mutex
	runs      uint64 // begun so far
	run       *run   // under way; nil if none is
	interval  bool
	timer     *time.Timer // of the interval flush; nil until the first
	armed     bool        // timer will fire
	notBefore time.Time   // the backend wants to be left alone until then
	dropCause error       // a remark of the backend about drops no flush has reported yet

	stopping int           // callers of shutdown that still flush
	closing  bool          // no run begins any more
	stopped  chan struct{} // closed when the exporter is closed
	closeErr error         // of the exporter, valid after stopped
}

func newLoop(q *queue, x exporter, delay, timeout time.Duration) *loop {
	return &loop{
		queue: q, exporter: x, delay: delay, timeout: timeout,
		report: &reporter{}, interval: true, stopped: make(chan struct{}),
	}
}

// notice is told what the queue's add has brought about.
func (l *loop) notice(e edge) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.run != nil || l.closing { // a background run looks at the queue again at its end
		return
	}
	if e == becameHalf && !time.Now().Before(l.notBefore) {
		r := l.begin(l.patience())
		r.background = true
		go l.execute(r)
		return
	}
	l.arm()
}

// patience returns until when the background waits for a delivery.
func (l *loop) patience() time.Time {
	if l.timeout <= 0 {
		return time.Time{}
	}
	return time.Now().Add(l.timeout)
}

// begin makes the run that is under way. l.mu is held, and there is none.
func (l *loop) begin(deadline time.Time) *run {
	l.runs++
	l.run = newRun(l.runs, l.queue.mark(), deadline)
	return l.run
}

// arm sets the timer of the interval flush, if it is not set. l.mu is held.
func (l *loop) arm() {
	if !l.interval || l.armed || l.closing {
		return
	}
	l.armed = true
	pause := max(l.delay, time.Until(l.notBefore))
	if l.timer == nil {
		l.timer = time.AfterFunc(pause, l.tick)
		return
	}
	l.timer.Reset(pause)
}

// tick is the interval flush; it runs on the timer's goroutine.
func (l *loop) tick() {
	l.mu.Lock()
	if !l.armed { // switched off while it fired
		l.mu.Unlock()
		return
	}
	l.armed = false
	if n, _ := l.queue.load(); n == 0 || l.run != nil || l.closing {
		l.mu.Unlock()
		return
	}
	r := l.begin(l.patience())
	r.background = true
	l.mu.Unlock()
	l.execute(r)
}

// setInterval switches the interval flush on or off.
func (l *loop) setInterval(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.interval = on
	if !on {
		l.disarm()
		return
	}
	if n, _ := l.queue.load(); n > 0 && l.run == nil {
		l.arm()
	}
}

// disarm stops the timer. l.mu is held.
func (l *loop) disarm() {
	if l.armed {
		l.timer.Stop()
		l.armed = false
	}
}

// execute delivers what r is for, with as many workers as there is work for, and ends r.
func (l *loop) execute(r *run) {
	var workers sync.WaitGroup
	_, batches := l.queue.load()
	for range min(batches, l.exporter.width()) - 1 {
		workers.Go(func() { l.work(r) })
	}
	l.work(r)
	workers.Wait()
	l.finish(r)
}

func (l *loop) work(r *run) {
	for !r.over() {
		b := l.queue.take(r.target)
		if b == nil {
			return
		}
		err := l.deliver(r, b)
		l.queue.release(b)
		if err != nil {
			r.giveUp(err)
			return
		}
	}
}

// deliver attempts b until nothing is left of it, or says why it does not go on.
func (l *loop) deliver(r *run, b *batch) error {
	ctx, cancel := r.attempt(l.timeout)
	defer cancel()
	backoff, pause := firstBackoff, time.Duration(0)
	for len(b.live()) > 0 {
		if err := l.pause(ctx, r, pause); err != nil {
			return err
		}
		o := safely(ctx, l.exporter, b.live())
		l.queue.settle(b, o)
		r.note(o)
		switch o.verdict {
		case retry:
			l.hush(o.retryAfter)
			pause = jittered(backoff)
			backoff = min(2*backoff, maxBackoff)
		case keep:
			return o.err
		default:
			backoff, pause = firstBackoff, 0
		}
	}
	return nil
}

// jittered spreads d over half of it to one and a half times it.
func jittered(d time.Duration) time.Duration { return d/2 + rand.N(d) } //nolint:gosec // chance, not secrecy

// hush notes that the backend wants to be left alone for d.
func (l *loop) hush(d time.Duration) {
	if d <= 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := time.Now().Add(min(d, maxRetryAfter)); at.After(l.notBefore) {
		l.notBefore = at
	}
}

// pause waits for d and for as long as the backend wants to be left alone. It returns an error at once if the time of those
// interested in r is up before that.
func (l *loop) pause(ctx context.Context, r *run, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.mu.Lock()
	wait := max(d, time.Until(l.notBefore))
	l.mu.Unlock()
	if wait <= 0 {
		return nil
	}
	if until := r.until(); !until.IsZero() && wait >= time.Until(until) {
		return fmt.Errorf("no time for another attempt in %s", wait.Round(time.Millisecond))
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// finish ends r and provides for what is left.
func (l *loop) finish(r *run) {
	remark, loss := r.said()
	l.mu.Lock()
	l.run = nil
	if loss != nil {
		l.dropCause = loss
	}
	left, _ := l.queue.load()
	switch {
	case left == 0 || l.closing:
	case left >= l.queue.half && r.background && !r.gaveUp():
		next := l.begin(l.patience())
		next.background = true
		go l.execute(next)
	default:
		l.arm()
	}
	background := r.background
	l.mu.Unlock()
	if remark != nil { // an error handler that flushes must not find this run
		l.report.remark(remark)
	}
	if background {
		l.confess(r, remark, loss)
	}
	r.cancel()
	close(r.done)
}

// confess reports what went wrong in a run that nobody waited for, but for remark, which is reported in any case.
func (l *loop) confess(r *run, remark, loss error) {
	now := l.queue.account()
	if r.gaveUp() {
		l.report.failure(fmt.Errorf("export spans: %w; %d kept", r.failure(), now.Pending))
	}
	if loss != nil && remark == nil {
		l.report.failure(fmt.Errorf("export spans: %w", loss))
	}
	if n := l.report.newDrops(now.Dropped.QueueFull); n > 0 {
		l.report.failure(fmt.Errorf("%d spans dropped: the buffer was full", n))
	}
}
