// Package arch has the rules of the repository as tests: imports with a reason for each rule, retired terms, comments,
// and leaked goroutines. It has no code of its own.
package arch
