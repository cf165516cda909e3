package soak

import (
	"math/rand/v2"
	"slices"

	"github.com/epilogue-go/epilogue/internal/harness"
)

// end is a way for an invocation to end.
type end struct {
	do         string // of the command; "undecodable" is a payload that does not decode
	weight     int
	answer     string // the error type that its caller is told; "" is success
	kills      bool   // its process, which exits with code
	code       int
	hangs      bool // until the deadline
	notStarted bool // its handler does not start
}

// ends are all of them.
var ends = []end{
	{do: "ok", weight: 400},
	{do: "fail", weight: 60, answer: "errorString"},
	{do: "undecodable", weight: 25, answer: "UnmarshalTypeError", notStarted: true},
	{do: "unencodable", weight: 25, answer: "UnsupportedTypeError"},
	{do: "stream", weight: 40},
	{do: "break", weight: 25, answer: "errorString"},
	{do: "panic", weight: 10, answer: "string", kills: true, code: 1},
	{do: "large", weight: 8, answer: "Function.ResponseSizeTooLarge", kills: true, code: 1},
	{do: "exit", weight: 5, answer: "Runtime.ExitError", kills: true, code: harness.ExitCode},
	{do: "hang", weight: 5, answer: "Sandbox.Timedout", kills: true, hangs: true},
	{do: "late", weight: 10},
	{do: "goexit", weight: 5, answer: "Sandbox.Timedout", kills: true, hangs: true},
}

// drawEnd draws one; with surviving, one that leaves the process alive.
func drawEnd(r *rand.Rand, surviving bool) end {
	candidates, total := slices.Clone(ends), 0
	if surviving {
		candidates = slices.DeleteFunc(candidates, func(e end) bool { return e.kills })
	}
	for _, e := range candidates {
		total += e.weight
	}
	at := r.IntN(total)
	return candidates[slices.IndexFunc(candidates, func(e end) bool {
		at -= e.weight
		return at < 0
	})]
}
