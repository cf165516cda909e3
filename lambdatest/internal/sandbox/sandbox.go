// Package sandbox is the platform's side of one process of a function: its extensions, its invocations, and the phases
// that end when the runtime and the extensions have asked for their next event.
//
//	Init ──all have called next──▶ idle ──Dispatch──▶ phase ──all have called next──▶ idle, frozen
//
// Two sides call it. The servers of the Runtime API and of the Extensions API report the function's calls (package api).
// The environment starts and ends the process, and releases, expires and abandons invocations (package lambdatest). Each
// call takes mu, changes the state and calls advance, which decides whether a phase is over. Calls log while they hold mu,
// so the log has the order of the states.
package sandbox

import (
	"os"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// MaxExtensions is the largest number of extensions, with external ones (AWS Lambda Developer Guide, Lambda quotas).
const MaxExtensions = 10

// Config has the settings of a sandbox. None has a default.
type Config struct {
	ARN              string        // of an unqualified invocation
	Timeout          time.Duration // of a phase
	MaxResponse      int           // bytes
	ManagedInstances bool
	Order            Order
	External         []External // registered already
	Log              *eventlog.Log
}

// External is an emulated extension in a process of its own. It calls next Hold after INVOKE; if Hold is zero, it is not
// subscribed to INVOKE.
type External struct {
	Name string
	Hold time.Duration
}

// Process is the function's process.
type Process interface {
	Freeze()
	Thaw()
	Signal(sig os.Signal)
	Kill()
	Done() <-chan struct{} // closed when it has ended
}

// Sandbox is the state of one process.
type Sandbox struct {
	config Config
	log    *eventlog.Log
	number int     // of the process, from 1
	proc   Process // set by Attach

	ready     chan struct{} // closed when Init is over
	condemned chan struct{} // closed when the environment is to be reset: see verdict
	gone      chan struct{} // closed when the process has ended or is being removed
	goneOnce  sync.Once

	mu          sync.Mutex
	started     time.Time
	initialized bool
	verdict     *ErrorBody // the reason for the reset

	runtimeSeen bool        // the runtime has called next: registration is closed
	loops       []chan *Run // waiting runtime calls of next, in the order of their arrival
	queue       []*Run      // released without a waiting loop
	runs        map[string]*Run
	current     *Run                // without Managed Instances: the invocation of the phase; nil between phases
	expired     map[string]struct{} // IDs of invocations whose deadline has passed; their posts are late
	extensions  []*extension

	frozenAt time.Time // zero: not frozen
	endingAt time.Time // of SIGTERM, or of SIGKILL without one
	exit     Exit
	isOver   bool // the process has ended
}

// New returns the sandbox of a process that is about to start, with the process's number.
func New(c Config, number int) *Sandbox {
	s := &Sandbox{
		config: c, log: c.Log, number: number, started: time.Now(),
		ready: make(chan struct{}), condemned: make(chan struct{}), gone: make(chan struct{}),
		runs: make(map[string]*Run), expired: make(map[string]struct{}),
	}
	s.log.Add(eventlog.Event{Kind: InitStart, Count: number})
	for _, x := range c.External {
		s.extensions = append(s.extensions, &extension{
			id: newUUID(), name: x.Name, external: true, hold: x.Hold, wantsInvoke: x.Hold > 0, ready: true,
		})
		s.log.Add(eventlog.Event{Kind: ExtensionRegistered, Who: x.Name, Detail: "external"})
	}
	return s
}

// Attach sets the process. It comes before Dispatch.
func (s *Sandbox) Attach(p Process) { s.proc = p }

// Number is the process's number.
func (s *Sandbox) Number() int { return s.number }

// MaxResponse is the largest size of a response, in bytes.
func (s *Sandbox) MaxResponse() int { return s.config.MaxResponse }

// Ready is closed when Init is over.
func (s *Sandbox) Ready() <-chan struct{} { return s.ready }

// Condemned is closed when the environment is to be reset; Verdict has the reason.
func (s *Sandbox) Condemned() <-chan struct{} { return s.condemned }

// Gone is closed when the process has ended or is being removed. It ends long polls.
func (s *Sandbox) Gone() <-chan struct{} { return s.gone }

// Verdict is the caller's answer in a condemned sandbox; false if the sandbox is not condemned.
func (s *Sandbox) Verdict() (Result, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.verdict == nil {
		return Result{}, false
	}
	return Failure(s.verdict.Type, s.verdict.Message), true
}

// condemn marks the environment for a reset, for the given reason. The caller holds mu.
func (s *Sandbox) condemn(reason ErrorBody) {
	if s.verdict == nil {
		s.verdict = &reason
		close(s.condemned)
	}
}

// advance ends Init or the current phase if all have asked for the next event. If the environment is condemned, the
// environment ends the phase. The caller holds mu.
func (s *Sandbox) advance() {
	if !s.initialized && s.runtimeSeen && s.allReady(func(*extension) bool { return true }) {
		s.initialized = true
		s.log.Add(eventlog.Event{Kind: InitDone, Count: s.number, Duration: time.Since(s.started)})
		close(s.ready)
	}
	r := s.current
	if r != nil && s.verdict == nil && r.runtimeDone && r.invokeReleased && s.allReady(func(x *extension) bool { return x.wantsInvoke }) {
		s.finish(r)
	}
}

func (s *Sandbox) allReady(counts func(*extension) bool) bool {
	for _, x := range s.extensions {
		if counts(x) && !x.ready && !x.broken {
			return false
		}
	}
	return true
}

// finish ends r's phase and freezes the process. The caller holds mu.
func (s *Sandbox) finish(r *Run) {
	s.log.Add(eventlog.Event{Kind: PhaseDone, RequestID: r.RequestID, Duration: time.Since(r.began)})
	s.forget(r)
	if !s.config.ManagedInstances {
		s.proc.Freeze()
		s.frozenAt = time.Now()
		s.log.Add(eventlog.Event{Kind: Freeze})
	}
	close(r.Finished)
}

// forget removes r from all lists. The caller holds mu.
func (s *Sandbox) forget(r *Run) {
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
