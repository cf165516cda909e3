package lambdatest

import (
	"io"
	"net/http"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/internal/sandbox"
)

// Program is the program of an Environment; see [Command] and [Func]. It may run many times: each cold start is a new
// process.
type Program interface {
	// String names it in the log.
	String() string
	start(b boot) (process, error)
}

// Exit describes the end of a process.
type Exit struct {
	Code   int           // exit code; -1 if a signal ended it
	Signal string        // the signal that ended it, such as "killed"; empty if it exited
	Took   time.Duration // from SIGTERM, or from SIGKILL if there was no SIGTERM, to its end
	Killed bool          // SIGKILL was sent
}

// boot has the parameters of a program's start.
type boot struct {
	api       http.Handler
	variables func(runtimeAPI string) []string
	network   *Network
	stdout    io.Writer
	stderr    io.Writer
	loops     int                        // invocations at once
	activity  func(op, address string)   // a frozen process tried to send
	ended     func(code int, sig string) // called once, before Done is closed
}

// process is one running program. Its methods may be called in any order and from any goroutine.
type process interface {
	sandbox.Process
	close() // after Done: releases its resources and waits for its goroutines
}
