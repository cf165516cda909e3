// Package soak lets functions run for long, under everything that can happen to them, in a random order. It holds tests
// only.
//
// For each invocation a random generator draws how it ends (from an answer to os.Exit and SIGTERM in the middle), how many
// spans it ends, and how long the environment is frozen afterwards. The backend changes its fault after a random number of
// invocations, and so does the platform. Time is virtual, and process after process runs in memory.
//
// After each invocation the SDK's counts have to agree with the spans that ended in the process and with those that
// arrived, span by span. A process that ends may lose only spans that its end made impossible to deliver. Goroutines and
// memory have to stay flat.
//
// A run prints its seed, and so does a failure:
//
//	go test ./internal/soak -args -seed 42 -invocations 20000
//
// The module's tests take a short run with a fixed seed and one with a random seed; make soak takes a long one.
package soak
