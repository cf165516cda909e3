package lambdatest

import "github.com/epilogue-go/epilogue/lambdatest/internal/memnet"

// Network is a network in memory for [testing/synctest]. The zero value is empty and ready. A test runs the servers of a
// Func program on the environment's network:
//
//	l, err := env.Network().Listen("collector:4318") // a net.Listener; names are compared, not resolved
//	…
//	env.Network().Cut("collector:4318")              // resets the connections to it, as a peer does that dropped idle ones
//
// DialContext(ctx, network, address) connects, as net.Dialer does. Several environments may share one Network.
type Network = memnet.Network
