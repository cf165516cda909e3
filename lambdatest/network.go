package lambdatest

import "github.com/epilogue-go/epilogue/internal/memnet"

// Network is a network in memory, fit for [testing/synctest]: the zero value is empty and ready. The servers that a Func
// program talks to are in the test, on the environment's network:
//
//	l, err := env.Network().Listen("collector:4318") // a net.Listener; names are compared, not resolved
//	…
//	env.Network().Cut("collector:4318")              // resets the connections to it, as a peer does that dropped idle ones
//
// DialContext(ctx, network, address) connects, as net.Dialer does. Several environments may share one Network.
type Network = memnet.Network
