//go:build race

package e2e

// raceFlags build the child processes with the race detector, as this test is.
var raceFlags = []string{"-race"}
