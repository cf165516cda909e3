package lambdatest

import (
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// sandbox is one process and its state on the platform's side, behind the Runtime API and the Extensions API. API handlers,
// on the server's goroutines, report the function's calls. An invocation's conductor releases, expires and abandons it.
// Each of them takes mu, changes the state and calls advance, which decides whether a phase is over. They log while they
// hold mu, so the log has the order of the states.
type sandbox struct {
	config *Config
	log    *eventlog.Log
	number int // of the process, from 1
	proc   process

	ready     chan struct{} // closed when Init is over
	condemned chan struct{} // closed when the environment is to be reset: see verdict
	gone      chan struct{} // closed when the process has ended or is being removed: ends long polls
	goneOnce  sync.Once

	mu          sync.Mutex
	started     time.Time
	initialized bool
	verdict     *errorBody // the reason for the reset

	runtimeSeen bool        // the runtime has called next: registration is closed
	loops       []chan *run // waiting runtime calls of next, in the order of their arrival
	queue       []*run      // released without a waiting loop
	runs        map[string]*run
	current     *run                // without Managed Instances: the invocation of the phase; nil between phases
	expired     map[string]struct{} // IDs of invocations whose deadline has passed; their posts are late

	extensions    []*extension
	registerFault faultCount
	nextFault     faultCount

	frozenAt time.Time // zero: not frozen
	endingAt time.Time // of SIGTERM, or of SIGKILL without one
	exit     Exit
	isOver   bool // the process has ended
}

func newSandbox(c *Config, number int) *sandbox {
	s := &sandbox{
		config: c, log: c.Log, number: number, started: time.Now(),
		ready: make(chan struct{}), condemned: make(chan struct{}), gone: make(chan struct{}),
		runs: make(map[string]*run), expired: make(map[string]struct{}),
		registerFault: faultCount{Fault: c.Faults.Register}, nextFault: faultCount{Fault: c.Faults.Next},
	}
	s.add(eventlog.Event{Kind: KindInitStart, Count: number})
	for _, x := range c.ExternalExtensions {
		s.extensions = append(s.extensions, &extension{
			id: newUUID(), name: x.Name, external: true, hold: x.Hold, wantsInvoke: x.Hold > 0, ready: true,
		})
		s.add(eventlog.Event{Kind: KindExtensionRegistered, Who: x.Name, Detail: "external"})
	}
	return s
}

func (s *sandbox) add(e eventlog.Event) { s.log.Add(e) }

// variables returns the environment of the sandbox's process.
func (s *sandbox) variables(runtimeAPI string) []string {
	vars := s.config.variables(runtimeAPI)
	if s.config.ProcessEnv != nil {
		vars = append(vars, s.config.ProcessEnv(s.number)...)
	}
	return vars
}

// boot returns the parameters of the program's start.
func (s *sandbox) boot() boot {
	return boot{
		api: s.handler(), variables: s.variables, network: s.config.Network,
		stdout: s.config.Stdout, stderr: s.config.Stderr, loops: s.config.Concurrency,
		activity: func(op, address string) {
			s.add(eventlog.Event{Kind: KindFrozenActivity, Who: address, Detail: op})
		},
		ended: s.ended,
	}
}

// advance ends Init or the current phase if all have asked for the next event. If the environment is condemned, the
// conductor ends the phase. The caller holds mu.
func (s *sandbox) advance() {
	if !s.initialized && s.runtimeSeen && s.allReady(func(*extension) bool { return true }) {
		s.initialized = true
		s.add(eventlog.Event{Kind: KindInitDone, Count: s.number, Duration: time.Since(s.started)})
		close(s.ready)
	}
	r := s.current
	if r != nil && s.verdict == nil && r.runtimeDone && r.invokeReleased && s.allReady(func(x *extension) bool { return x.wantsInvoke }) {
		s.finish(r)
	}
}

func (s *sandbox) allReady(counts func(*extension) bool) bool {
	for _, x := range s.extensions {
		if counts(x) && !x.ready && !x.broken {
			return false
		}
	}
	return true
}

// finish ends r's phase and freezes the process. The caller holds mu.
func (s *sandbox) finish(r *run) {
	s.add(eventlog.Event{Kind: KindPhaseDone, RequestID: r.RequestID, Duration: time.Since(r.began)})
	s.forget(r)
	if !s.config.ManagedInstances {
		s.proc.freeze()
		s.frozenAt = time.Now()
		s.add(eventlog.Event{Kind: KindFreeze})
	}
	close(r.finished)
}

// forget removes r from all lists. The caller holds mu.
func (s *sandbox) forget(r *run) {
	delete(s.runs, r.RequestID)
	if s.current == r {
		s.current = nil
	}
	for i, queued := range s.queue {
		if queued == r {
			s.queue = append(s.queue[:i], s.queue[i+1:]...)
			break
		}
	}
}

// thaw resumes a frozen process. The caller must not hold mu: a signal that waited can end the process.
func (s *sandbox) thaw() {
	s.mu.Lock()
	frozenAt := s.frozenAt
	s.frozenAt = time.Time{}
	if !frozenAt.IsZero() {
		s.add(eventlog.Event{Kind: KindThaw, Duration: time.Since(frozenAt)})
	}
	s.mu.Unlock()
	if !frozenAt.IsZero() {
		s.proc.thaw()
	}
}

// condemn marks the environment for a reset, for the given reason. The caller holds mu.
func (s *sandbox) condemn(reason errorBody) {
	if s.verdict == nil {
		s.verdict = &reason
		close(s.condemned)
	}
}

// isCondemned reports whether the environment is to be reset.
func (s *sandbox) isCondemned() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.verdict != nil
}

// hasExtension reports whether the process gets SIGTERM and a window.
func (s *sandbox) hasExtension() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.extensions) > 0
}

// kill ends the process if it has not ended, and waits until it has.
func (s *sandbox) kill() {
	if s.noteEnding(KindSigkill, 0) {
		s.proc.kill()
		<-s.proc.done()
	}
}

// ended records how the process ended. The process calls it once, before its done is closed.
func (s *sandbox) ended(code int, signal string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exit.Code, s.exit.Signal = code, signal
	if !s.endingAt.IsZero() {
		s.exit.Took = time.Since(s.endingAt)
	}
	s.add(eventlog.Event{Kind: KindProcessExit, Count: code, Detail: signal, Duration: s.exit.Took})
	s.stopHolds()
	s.isOver = true
	s.leave()
}

// hasEnded reports whether the process has ended. It is true once the log has the event.
func (s *sandbox) hasEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isOver
}

// leave ends all long polls. It may be called more than once.
func (s *sandbox) leave() { s.goneOnce.Do(func() { close(s.gone) }) }

func (s *sandbox) outcome() Exit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exit
}

// noteEnding logs that the process is being ended by kind, KindSigterm or KindSigkill. It reports false, and logs
// nothing, if the process has ended already.
func (s *sandbox) noteEnding(kind eventlog.Kind, window time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isOver {
		return false
	}
	if s.endingAt.IsZero() {
		s.endingAt = time.Now()
	}
	s.exit.Killed = s.exit.Killed || kind == KindSigkill
	s.add(eventlog.Event{Kind: kind, Duration: window})
	return true
}
