// Package matrix proves what becomes of every span, in every way in which an invocation can end, with every kind of backend,
// in every state of the platform. It holds tests only.
//
// A cell is one of each, and a story with real child processes: the test binary itself, with the real aws-lambda-go, TCP,
// signals and SIGSTOP for the freeze. A good invocation comes first, then a freeze, then the invocation with the end, then
// another good one, in the same process or in a new one where the end took it along, and then the environment is shut down.
// The backend is bad while the invocation with the end is under way, or for the whole story where the column says so.
//
// How many spans each cell delivers, and what became of the others, stands in docs/reliability.md, which the test reads and
// compares. go test ./internal/matrix -update writes it anew, but not a loss: the list of those, with the reason why no more
// can be had, is in the code, and has to fit exactly. What has to hold in every cell alike is in assertions_test.go and in
// the rules of internal/invariant.
package matrix
