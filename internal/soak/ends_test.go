package soak

import (
	"math/rand/v2"
	"slices"
)

// end is a way for an invocation to end.
type end struct {
	do      string // of the order; "garbage" is a payload that does not decode
	weight  int
	answers []string // the error types that its caller may be told; "" is success
	kills   bool     // its process
	hangs   bool     // until the deadline
	grace   bool     // its handler does not begin
}

const (
	exitError = "Runtime.ExitError"
	timedOut  = "Sandbox.Timedout"
	tooLarge  = "Function.ResponseSizeTooLarge"
)

// ends are all of them. What is made of them in a process at its end, by SIGTERM, is another matter.
var ends = []end{
	{do: "ok", weight: 400, answers: []string{""}},
	{do: "fail", weight: 60, answers: []string{"errorString"}},
	{do: "garbage", weight: 25, answers: []string{"UnmarshalTypeError"}, grace: true},
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

// drawEnd draws one, of those that leave the process alive where calm is true.
func drawEnd(r *rand.Rand, calm bool) end {
	total := 0
	for _, e := range ends {
		if !calm || !e.kills {
			total += e.weight
		}
	}
	at := r.IntN(total)
	i := slices.IndexFunc(ends, func(e end) bool {
		if calm && e.kills {
			return false
		}
		at -= e.weight
		return at < 0
	})
	return ends[i]
}
