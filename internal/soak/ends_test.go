package soak

import (
	"math/rand/v2"
	"slices"
)

// end is a way for an invocation to end.
type end struct {
	do         string // of the command; "undecodable" is a payload that does not decode
	weight     int
	answers    []string // the error types that its caller may be told; "" is success
	kills      bool     // its process
	hangs      bool     // until the deadline
	notStarted bool     // its handler does not start
}

const (
	exitError = "Runtime.ExitError"
	timedOut  = "Sandbox.Timedout"
	tooLarge  = "Function.ResponseSizeTooLarge"
)

// ends are all of them.
var ends = []end{
	{do: "ok", weight: 400, answers: []string{""}},
	{do: "fail", weight: 60, answers: []string{"errorString"}},
	{do: "undecodable", weight: 25, answers: []string{"UnmarshalTypeError"}, notStarted: true},
	{do: "unencodable", weight: 25, answers: []string{"UnsupportedTypeError"}},
	{do: "stream", weight: 40, answers: []string{""}},
	{do: "break", weight: 25, answers: []string{"errorString"}},
	{do: "panic", weight: 10, answers: []string{"string"}, kills: true},
	{do: "large", weight: 8, answers: []string{tooLarge}, kills: true},
	{do: "exit", weight: 5, answers: []string{exitError}, kills: true},
	{do: "hang", weight: 5, answers: []string{timedOut}, kills: true, hangs: true},
	{do: "late", weight: 10, answers: []string{""}},
	{do: "goexit", weight: 5, answers: []string{timedOut}, kills: true, hangs: true},
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
