package integration

import (
	"net/http"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

const (
	flushTimeout = 2 * time.Second // the agent's default
	slowTime     = 300 * time.Millisecond
	hour         = time.Hour
)

var (
	slow     = otlpreceiver.Fault{Delay: slowTime}
	refusing = otlpreceiver.Fault{Status: http.StatusServiceUnavailable}
	hanging  = otlpreceiver.Fault{Hang: true}
)

// collectors are what can be wrong with the collector, for a time or for good.
var collectors = []scenario{
	{
		name: "collector well",
		drive: func(r *run) {
			r.send(succeeds)
			r.freeze(hour)
			r.send(succeeds, succeeds)
			r.shutdown()
		},
	},
	{
		name:  "callers queue",
		drive: func(r *run) { r.together(succeeds, succeeds, succeeds); r.shutdown() },
	},
	{
		name: "collector slow",
		drive: func(r *run) {
			r.collector(slow)
			r.send(succeeds.held(slowTime), fails.held(slowTime), panics.taking(handlerTime+slowTime), streams.held(slowTime))
			r.collector(well)
			r.send(succeeds)
			r.shutdown()
		},
	},
	{
		name: "collector refuses with 503, then is well",
		drive: func(r *run) {
			r.collector(refusing)
			r.send(succeeds.heldAtMost(flushTimeout))
			r.freeze(hour)
			r.collector(well)
			r.send(succeeds)
			r.shutdown()
		},
	},
	{
		name: "collector refuses once",
		drive: func(r *run) {
			r.receiver.FailNext(refusing)
			r.send(succeeds.heldAtMost(time.Second))
			r.shutdown()
		},
	},
	{
		name: "collector is well again when a payload does not decode",
		env:  []string{"EPILOGUE_FLUSH_TIMEOUT=1s"},
		drive: func(r *run) {
			r.collector(refusing)
			r.send(succeeds.heldAtMost(time.Second))
			r.collector(well)
			r.send(undecodable.held(grace+collectorTime), malformed)
			r.shutdown()
		},
	},
	{
		name: "collector wants to be left alone for a second",
		drive: func(r *run) {
			r.receiver.FailNext(otlpreceiver.Fault{Status: http.StatusTooManyRequests, RetryAfter: "1"})
			r.send(succeeds.held(time.Second + collectorTime))
			r.shutdown()
		},
	},
	{
		name: "collector wants to be left alone for longer",
		drive: func(r *run) {
			r.receiver.FailNext(otlpreceiver.Fault{Status: http.StatusTooManyRequests, RetryAfter: "60"})
			r.send(succeeds.held(0), succeeds.held(0))
			r.shutdown()
		},
	},
	{
		name: "collector hangs, then is well",
		drive: func(r *run) {
			r.collector(hanging)
			r.send(succeeds.held(flushTimeout))
			r.freeze(hour)
			r.collector(well)
			r.send(succeeds)
			r.shutdown()
		},
	},
	{
		name:   "collector hangs near the deadline",
		config: lambdatest.Config{Timeout: 2 * time.Second},
		env:    []string{"EPILOGUE_DEADLINE_MARGIN=400ms"},
		drive: func(r *run) {
			r.collector(hanging)
			r.send(succeeds.held(2*time.Second - handlerTime - 400*time.Millisecond))
			r.collector(well)
			r.send(succeeds)
			r.shutdown()
		},
	},
	{
		name: "collector hangs during a panic and a refused response",
		env:  []string{"EPILOGUE_FLUSH_TIMEOUT=500ms"},
		drive: func(r *run) {
			r.collector(hanging)
			r.send(panics.taking(handlerTime+500*time.Millisecond), tooLarge.held(500*time.Millisecond))
			r.collector(well)
			r.send(succeeds)
			r.shutdown()
		},
		permit: permit{lost: 7},
	},
	{
		name: "collector is back, and nobody knows, at a panic",
		env:  []string{"EPILOGUE_FLUSH_TIMEOUT=500ms"},
		drive: func(r *run) {
			r.collector(hanging)
			for range 4 { // until the breaker pauses
				r.send(succeeds.heldAtMost(500 * time.Millisecond))
			}
			r.collector(well)
			r.send(panics)
			r.send(succeeds)
			r.shutdown()
		},
	},
	{
		name: "collector cuts connections during the freeze",
		drive: func(r *run) {
			for range 3 {
				r.send(succeeds)
				r.receiver.CutConnections()
				r.freeze(time.Second)
			}
			r.send(panics)
			r.send(succeeds)
			r.receiver.CutConnections()
			r.send(fails)
			r.shutdown()
		},
	},
	{
		name: "collector cuts the connection before it keeps spans",
		drive: func(r *run) {
			r.send(succeeds)
			r.receiver.FailNext(otlpreceiver.Fault{Cut: otlpreceiver.BeforeStore})
			r.send(succeeds)
			r.shutdown()
		},
	},
	{
		name:   "collector cuts the connection after it has kept spans",
		permit: permit{twice: true},
		drive: func(r *run) {
			r.send(succeeds)
			r.receiver.FailNext(otlpreceiver.Fault{Cut: otlpreceiver.AfterStore})
			r.send(succeeds)
			r.shutdown()
		},
	},
	{
		name: "collector answers with nonsense",
		drive: func(r *run) {
			r.receiver.FailNext(otlpreceiver.Fault{Malformed: true})
			r.send(succeeds.held(0), succeeds)
			r.shutdown()
		},
	},
	{
		name:   "collector rejects a span",
		permit: permit{lost: 1},
		drive: func(r *run) {
			r.receiver.FailNext(otlpreceiver.Fault{Rejected: 1, Message: "too old"})
			r.send(succeeds.held(0), succeeds)
			r.shutdown()
		},
		says: []string{"too old", "graceful shutdown completed, but not everything was delivered"},
	},
	{
		name:   "collector refuses for good",
		permit: permit{lost: 3},
		drive: func(r *run) {
			r.receiver.FailNext(otlpreceiver.Fault{Status: http.StatusBadRequest, Message: "no such tenant"})
			r.send(succeeds.held(0), succeeds)
			r.shutdown()
		},
		says: []string{"no such tenant"},
	},
	{
		name:  "buffer half full in the middle of an invocation",
		env:   []string{"OTEL_BSP_MAX_QUEUE_SIZE=40"},
		drive: func(r *run) { r.send(bursts, succeeds); r.shutdown() },
	},
}
