// Package memnet is a network in memory: listeners and connections that behave like TCP over loopback, built so
// that testing/synctest can tell when everybody waits.
//
// Connections are buffered like a socket's (a Write returns once the bytes are in the peer's buffer), honour
// deadlines, and block on sync.Cond only, which is durably blocking inside a synctest bubble; a real socket is not.
//
// Two faults of a real network can be had on demand. [Network.Cut] resets connections under both ends, as a peer
// does that dropped what was idle. A [Host] groups the connections of one process, so that they can be frozen and
// thawed with it: nothing a frozen host sends leaves, and nothing reaches it, until the thaw.
package memnet
