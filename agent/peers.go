package agent

import (
	"slices"
	"sync"
)

// peers has the agents in Lambda by their process: a library and the program may each have started one. All of them
// answer a signal, and the process must not end while one of them still delivers telemetry.
var peers struct {
	mu        sync.Mutex
	byProcess map[<-chan struct{}][]*Agent // the key is Process.Done; nil: this process
}

// join makes a one of the agents of its process, until leave.
func (a *Agent) join() {
	peers.mu.Lock()
	defer peers.mu.Unlock()
	if peers.byProcess == nil {
		peers.byProcess = map[<-chan struct{}][]*Agent{}
	}
	peers.byProcess[a.process.Done] = append(peers.byProcess[a.process.Done], a)
}

func (a *Agent) leave() {
	peers.mu.Lock()
	defer peers.mu.Unlock()
	rest := slices.DeleteFunc(peers.byProcess[a.process.Done], func(peer *Agent) bool { return peer == a })
	peers.byProcess[a.process.Done] = rest
	if len(rest) == 0 {
		delete(peers.byProcess, a.process.Done)
	}
}

// readyToExit records that a has shut down because of a signal, and reports whether it is to end the process: the last
// agent does. livesOn reports whether one of the agents has [WithoutExit]. Then none does.
func (a *Agent) readyToExit() (last, livesOn bool) {
	peers.mu.Lock()
	defer peers.mu.Unlock()
	a.mayExit = true
	last = true
	for _, peer := range peers.byProcess[a.process.Done] {
		livesOn = livesOn || peer.settings.WithoutExit
		// The operating system's signals reach every agent. Those of an emulated process may not.
		awaited := peer.process.realSignals || peer.phase.isDraining() || len(peer.signals) > 0
		last = last && (peer.mayExit || !awaited)
	}
	return last && !livesOn, livesOn
}
