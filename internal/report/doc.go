// Package report renders a run of a local Lambda for a terminal: one line for each invocation with its response, flush
// and freeze; the end of the environment; each trace as a tree across services; the span counts, which show
// a loss; and the counts of metrics and logs.
//
// Every function is pure: it touches no process, clock or file. [Describe], [Inits] and [Shutdowns] take the events of
// the environment; [Traces] and [Reconcile] take the received spans. The text is at most [Width] columns wide, unless
// a name or message is longer. It has colors only if the [Style] has.
//
// Each line of the counts names its source. A process reports its counts at a shutdown. If it ends itself, it reports
// none, and [Reconcile] compares its spans with the parents that other spans name and with Input.Expected.
package report
