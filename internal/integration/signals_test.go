package integration

import (
	"net/http"
	"syscall"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// hedgeTime is half of what a flush has that begins with the shutdown: then a request that hangs is made once more.
const hedgeTime = 215 * time.Millisecond

// signals are the ends of an environment, beside the timeouts and shutdowns of all other scenarios.
var signals = []scenario{
	{
		name: "SIGTERM before any invocation's spans are delivered",
		drive: func(r *run) {
			r.collector(otlpreceiver.Fault{Status: http.StatusServiceUnavailable, RetryAfter: "60"})
			r.send(succeeds.held(0), fails.held(0))
			r.collector(well)
			r.shutdown()
		},
	},
	{
		name:   "SIGTERM while the collector hangs",
		permit: permit{lost: 3},
		says:   []string{"graceful shutdown completed, but not everything was delivered"},
		drive: func(r *run) {
			r.collector(hanging)
			r.send(succeeds.held(flushTimeout))
			r.shutdown()
		},
	},
	{
		name: "SIGTERM during the handler",
		drive: func(r *run) {
			r.send(succeeds)
			r.interrupted(interrupted, syscall.SIGTERM)
			r.send(succeeds)
			r.shutdown()
		},
	},
	{
		name: "SIGINT during the handler",
		drive: func(r *run) {
			r.interrupted(interrupted, syscall.SIGINT)
			r.send(succeeds)
			r.shutdown()
		},
	},
	{
		name: "SIGTERM when the handler returns at its deadline",
		drive: func(r *run) {
			r.send(succeeds)
			r.collector(otlpreceiver.Fault{Delay: 50 * time.Millisecond}) // the refused error would end the process meanwhile
			r.send(obeys)
			r.collector(well)
			r.send(succeeds)
			r.shutdown()
		},
	},
	{
		name: "SIGTERM during a flush",
		drive: func(r *run) {
			r.collector(otlpreceiver.Fault{Delay: 100 * time.Millisecond})
			r.interrupted(succeeds.held(100*time.Millisecond), syscall.SIGTERM)
		},
	},
	{
		name: "SIGTERM during a flush that hangs",
		drive: func(r *run) {
			r.receiver.FailNext(hanging)
			r.interrupted(succeeds.held(hedgeTime+collectorTime), syscall.SIGTERM)
		},
	},
	{
		name: "SIGTERM while frozen",
		drive: func(r *run) {
			r.send(succeeds)
			r.freeze(hour)
			r.send(succeeds)
			r.freeze(14 * 24 * time.Hour)
			r.shutdown()
		},
	},
}
