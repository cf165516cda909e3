// Package report renders what happened in a local Lambda for a person who looks at a terminal: a line an
// invocation with the response first, the flush after it and the freeze last; the end of the environment; each
// trace as a tree across services; and the account of the spans, which says whether anything was lost.
//
// Everything here is a pure function. The facts come in as values: the environment's events, through [Timeline],
// and the received spans, through [Traces]. What comes out is text, at most [Width] columns wide where names allow
// it, with colours only where the [Style] says so. No process, clock or file is touched.
package report
