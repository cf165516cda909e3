// Package soak lets functions run for long under everything that can happen to them, in an order that chance
// decides. It holds tests only.
//
// A walk is a sequence of invocations. For each one chance draws how it ends (from an answer to os.Exit and SIGTERM in
// the middle), how many spans it ends, and how long the environment is frozen afterwards; the collector changes its
// state for a random number of invocations, and so does the platform. One walk goes through virtual time, with process
// after process in memory; the other drives a real child process over real sockets.
//
// After each invocation the account has to add up: what the SDK says of ended, exported, pending and dropped spans
// is compared with what a witness in the process saw ending and with what has arrived at the receiver, span by
// span. At the end of a process nothing may be missing that its end did not make impossible. Goroutines, memory and
// file descriptors have to stay flat.
//
// A walk prints its seed, and so does a failure:
//
//	go test ./internal/soak -run TestVirtual -args -seed 42 -invocations 3000
//
// The test run of the module takes a short walk with a fixed seed and one with a random one; make soak a long one.
package soak
