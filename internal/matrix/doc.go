// Package matrix tests what becomes of every span, in every way in which an invocation can end, with every kind of
// backend, in every state of the platform. It holds tests only.
//
// A cell is one of each. Its scenario runs with a real child process: a good invocation, a freeze, the invocation with the
// end, another good one (in a new process if the end took the first along), and the shutdown. The backend is bad during
// the invocation with the end, or all the time if the column says so. The platforms normal and registration refused have
// all backends, the others three.
//
// docs/reliability.md has the counts of each cell. The test reads and compares them; go test ./internal/matrix -update
// writes them. The reasons for spans that are not delivered are in the code, and each has to fit exactly.
package matrix
