// Package strategies measures the savings and the delays of the agent's flush strategies. It has tests only.
//
// Each strategy serves the same arrivals of invocations in virtual time: a function with the invocation's span and one
// more, in an environment in memory that freezes between invocations, with a backend that answers after ten milliseconds,
// and SIGTERM at the end. So the figures are exact and equal on every machine. docs/strategies.md has them. The test
// compares them; go test ./internal/strategies -update writes them.
package strategies
