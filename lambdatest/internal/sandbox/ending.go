package sandbox

import (
	"os"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// Exit describes the end of the process.
type Exit struct {
	Code   int           // -1 if a signal ended it
	Signal string        // that ended it; empty if it exited
	Took   time.Duration // from SIGTERM, or from SIGKILL without one
	Killed bool          // SIGKILL was sent
}

// Thaw resumes a frozen process. It does not hold mu meanwhile: a signal that waited can end the process.
func (s *Sandbox) Thaw() {
	s.mu.Lock()
	frozenAt := s.frozenAt
	s.frozenAt = time.Time{}
	if !frozenAt.IsZero() {
		s.log.Add(eventlog.Event{Kind: Thaw, Duration: time.Since(frozenAt)})
	}
	s.mu.Unlock()
	if !frozenAt.IsZero() {
		s.proc.Thaw()
	}
}

// Signal sends sig to the process.
func (s *Sandbox) Signal(sig os.Signal) { s.proc.Signal(sig) }

// Done is closed when the process has ended.
func (s *Sandbox) Done() <-chan struct{} { return s.proc.Done() }

// HasExtension reports whether the process gets SIGTERM and a window.
func (s *Sandbox) HasExtension() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.extensions) > 0
}

// NoteSigterm records that the process gets SIGTERM and a window. It reports false, and records nothing, if the process has
// ended already.
func (s *Sandbox) NoteSigterm(window time.Duration) bool { return s.noteEnding(Sigterm, window) }

// Kill ends the process if it has not ended, and waits until it has.
func (s *Sandbox) Kill() {
	if s.noteEnding(Sigkill, 0) {
		s.proc.Kill()
		<-s.proc.Done()
	}
}

func (s *Sandbox) noteEnding(kind eventlog.Kind, window time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isOver {
		return false
	}
	if s.endingAt.IsZero() {
		s.endingAt = time.Now()
	}
	s.exit.Killed = s.exit.Killed || kind == Sigkill
	s.log.Add(eventlog.Event{Kind: kind, Duration: window})
	return true
}

// Ended records how the process ended. The process calls it once, before its Done is closed.
func (s *Sandbox) Ended(code int, signal string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exit.Code, s.exit.Signal = code, signal
	if !s.endingAt.IsZero() {
		s.exit.Took = time.Since(s.endingAt)
	}
	s.log.Add(eventlog.Event{Kind: ProcessExit, Count: code, Detail: signal, Duration: s.exit.Took})
	for _, x := range s.extensions {
		if x.holding != nil { // external extensions end with their environment
			x.holding.Stop()
		}
	}
	s.isOver = true
	s.Leave()
}

// HasEnded reports whether the process has ended. It is true once the log has the event.
func (s *Sandbox) HasEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isOver
}

// Leave closes Gone. It may be called more than once.
func (s *Sandbox) Leave() { s.goneOnce.Do(func() { close(s.gone) }) }

// Outcome says how the process ended.
func (s *Sandbox) Outcome() Exit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exit
}
