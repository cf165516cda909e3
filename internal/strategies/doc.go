// Package strategies shows what the agent's flush strategies save, and what they cost in freshness. It holds tests only.
//
// Each strategy serves the same arrivals of invocations in virtual time: a function with a handler's span and one more,
// in a local Lambda in memory that freezes between invocations, with a collector ten milliseconds away, and SIGTERM at
// the end. So the figures are exact, and the same on every machine. They stand in docs/strategies.md, which the test
// compares with; go test ./internal/strategies -update writes them anew.
package strategies
