// Package report renders what happened in a local Lambda for a person who looks at a terminal: a line an
// invocation with the response first, the flush after it and the freeze last; the end of the environment; each
// trace as a tree across services; and the account of the spans, which says whether anything was lost.
//
// Everything here is a pure function. The facts come in as values: what the environment recorded through [Describe],
// [Inits] and [Shutdowns], the received spans through [Traces] and [Ledger]. What comes out is text, at most [Width]
// columns wide where names and messages allow it, with colours only where the [Style] says so. No process, clock or file
// is touched.
//
// The account is honest about what it rests on: a process that is asked to end says how many spans it ended; one that
// ends by itself does not, and is held against the spans that others name as their parents and those that its requests
// are known to leave.
package report
