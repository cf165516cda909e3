package otelx

import (
	"fmt"
	"sync"
	"time"
)

// loop decides when spans are exported, and delivers them. At most one run is under way at a time; there is no
// goroutine and no timer without something to export.
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
	breaker   breaker
	dropCause error           // a remark of the backend about drops no flush has reported yet
	given     map[string]bool // advice, by its key
	news      []error         // advice that is not reported yet

	final    bool          // the end has begun: the backend is tried, whatever is known of it
	ends     time.Time     // when the process's time is up; zero: not known
	stopping int           // callers of shutdown that still flush
	closing  bool          // no run begins any more
	stopped  chan struct{} // closed when the exporter is closed
	closeErr error         // of the exporter, valid after stopped
}

func newLoop(q *queue, x exporter, delay, timeout time.Duration) *loop {
	return &loop{
		queue: q, exporter: x, delay: delay, timeout: timeout,
		report: newReporter(), interval: true, stopped: make(chan struct{}),
	}
}

// notice is told what the queue's add has brought about.
func (l *loop) notice(e edge) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heed(e)
}

// heed begins an export for e, or sees to it that one will. l.mu is held.
func (l *loop) heed(e edge) {
	last := l.lastMoments()
	switch {
	case l.closing:
	case l.run != nil && e == becameHalf && last:
		l.widen(l.run)
	case l.run != nil: // a background run looks at the queue again at its end
	case e == becameHalf && (last || l.quiet() <= 0):
		r := l.begin(l.withinEnds(l.patience()))
		r.background = true
		go l.execute(r)
	default:
		l.arm()
	}
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
	l.run.probe = l.breaker.open()
	if l.lastMoments() {
		l.run.makeFinal(deadline)
	}
	return l.run
}

// arm sets the timer of the interval flush, if it is not set. l.mu is held.
func (l *loop) arm() {
	if !l.interval || l.armed || l.closing {
		return
	}
	l.armed = true
	pause := max(l.delay, l.quiet())
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
	if l.quiet() > 0 { // only now: a flush has failed while the timer was set
		l.arm()
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

// execute has what r is for delivered, by as many workers as there is work for. A probe goes ahead alone.
func (l *loop) execute(r *run) {
	if r.probe {
		go l.serve(r)
		<-r.proceeds
		_, batches := l.queue.load()
		l.staff(r, batches)
		return
	}
	_, batches := l.queue.load()
	l.staff(r, batches-1)
	l.serve(r)
}

// staff has up to n workers more serve r.
func (l *loop) staff(r *run, n int) {
	for range r.hire(n, l.exporter.width()) {
		go l.serve(r)
	}
}

// serve is what a worker of r does. The last one ends r.
func (l *loop) serve(r *run) {
	l.work(r)
	r.proceed()
	if r.retire() {
		l.finish(r)
	}
}

// widen makes all that has ended by now the task of r as well, which would else be that of the run after it. It is for when
// there is no later: what is ready does not wait for an answer to what left before. l.mu is held.
func (l *loop) widen(r *run) {
	r.widen(l.queue.mark())
	_, batches := l.queue.load()
	l.staff(r, batches)
}

// finish ends r and provides for what is left.
func (l *loop) finish(r *run) {
	remark, loss := r.said()
	l.mu.Lock()
	l.judge(r)
	l.run = nil
	l.note(r.userHint())
	if loss != nil {
		l.dropCause = loss
	}
	left, _ := l.queue.load()
	switch {
	case left == 0 || l.closing:
	case l.queue.hasEnough() && (r.background || l.interval) && !r.gaveUp(): // the edge came while r was under way
		next := l.begin(l.withinEnds(l.patience()))
		next.background = true
		go l.execute(next)
	default:
		l.arm()
	}
	background := r.background
	l.mu.Unlock()
	l.reportHints()
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
