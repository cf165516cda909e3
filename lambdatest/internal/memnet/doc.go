// Package memnet is a network in memory: listeners and connections that behave like TCP over loopback. testing/synctest
// can tell when all of their users wait.
//
// Connections have buffers like a socket: a Write returns once the bytes are in the peer's buffer. They observe deadlines.
// They block on sync.Cond only, which is durably blocking inside a synctest bubble; a real socket is not.
//
// Tests can cause two faults of a real network. [Network.Cut] resets connections, as a peer does that dropped idle ones. A
// [Host] groups the connections of one process, which freeze and thaw with it: a frozen host sends and receives nothing
// until the thaw.
package memnet
