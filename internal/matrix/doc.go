// Package matrix shows the delivered spans of every ending of an invocation, with every backend, on several platforms. It
// holds tests only.
//
// Each cell is a scenario of internal/harness in virtual time: a good invocation, the one with the ending, another good
// one, and the shutdown. The test accounts for every span of every process, and explains each loss by a reason. It
// compares the tables in docs/reliability.md; go test ./internal/matrix -update writes them.
package matrix
