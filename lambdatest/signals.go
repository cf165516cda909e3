package lambdatest

import (
	"os"
	"slices"
	"syscall"
)

// signalTable has the subscribers of signals of a process in memory. Guarded by Process.mu.
type signalTable struct {
	wanted  map[chan<- os.Signal][]os.Signal // empty: all
	waiting []os.Signal                      // arrived while the process was frozen
}

// Notify relays signals to c, as signal.Notify does: without blocking, so c needs room; with none named, all. A process
// that relays neither SIGTERM nor SIGINT is ended by them.
func (p *Process) Notify(c chan<- os.Signal, sig ...os.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := &p.signals
	if t.wanted == nil {
		t.wanted = make(map[chan<- os.Signal][]os.Signal)
	}
	before, known := t.wanted[c]
	switch {
	case len(sig) == 0, known && len(before) == 0:
		t.wanted[c] = nil
	default:
		t.wanted[c] = append(slices.Clone(before), sig...)
	}
}

// StopNotify reverts Notify for c: when it returns, c gets no more signals.
func (p *Process) StopNotify(c chan<- os.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.signals.wanted, c)
}

// deliver sends sig to its subscribers and reports whether there were any.
func (t *signalTable) deliver(sig os.Signal) bool {
	found := false
	for c, wanted := range t.wanted {
		if len(wanted) > 0 && !slices.Contains(wanted, sig) {
			continue
		}
		found = true
		select {
		case c <- sig:
		default:
		}
	}
	return found
}

func (t *signalTable) takeWaiting() []os.Signal {
	waiting := t.waiting
	t.waiting = nil
	return waiting
}

// Signal sends sig to the subscribers, at the thaw if the process is frozen. SIGKILL ends the process, and so do SIGTERM,
// SIGINT and SIGHUP without a subscriber.
func (m *memoryProcess) Signal(sig os.Signal) {
	if sig == syscall.SIGKILL {
		m.Kill()
		return
	}
	m.mu.Lock()
	if m.isFrozen {
		m.signals.waiting = append(m.signals.waiting, sig)
		m.mu.Unlock()
		return
	}
	taken := m.hasEnded || m.signals.deliver(sig)
	m.mu.Unlock()
	if !taken && (sig == syscall.SIGTERM || sig == syscall.SIGINT || sig == syscall.SIGHUP) {
		m.process().end(-1, sig.String())
	}
}
