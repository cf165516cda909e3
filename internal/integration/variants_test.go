package integration

import "time"

// variants are other functions, settings and environments.
var variants = []scenario{
	{
		name: "signal-only",
		env:  []string{"EPILOGUE_SHUTDOWN_ONLY=true"},
		drive: func(r *run) {
			r.send(detachedCalls()...)
			r.send(timesOut, succeeds)
			r.freeze(hour)
			r.send(succeeds)
			r.shutdown()
		},
	},
	{
		name: "signal-only, collector hangs",
		env:  []string{"EPILOGUE_SHUTDOWN_ONLY=true", "EPILOGUE_FLUSH_TIMEOUT=500ms"},
		drive: func(r *run) {
			r.collector(hanging)
			r.send(succeeds.held(500*time.Millisecond), streams.held(125*time.Millisecond)) // a probe's look
			r.collector(well)
			r.freeze(time.Second) // until a probe is due
			r.send(succeeds)
			r.shutdown()
		},
	},
	{
		name:  "lambda.Handler",
		main:  "handler",
		drive: func(r *run) { r.send(succeeds, fails, timesOut, panics, succeeds); r.shutdown() },
	},
	{
		name: "lambda.Handler, signal-only",
		main: "handler",
		env:  []string{"EPILOGUE_SHUTDOWN_ONLY=true"},
		drive: func(r *run) {
			r.send(succeeds.flushedEarly(), fails.flushedEarly(), timesOut, panics, succeeds.flushedEarly())
			r.shutdown()
		},
	},
	{
		name:   "handler not wrapped",
		main:   "unwrapped",
		permit: permit{beside: true},
		drive: func(r *run) {
			alone := succeeds.ending(1).held(0)
			r.send(alone, fails.ending(1).unflagged().held(0), alone)
			r.freeze(hour)
			r.send(alone, undecodable.held(0), alone)
			r.shutdown()
		},
	},
	{
		name: "no spans",
		env:  []string{"OTEL_TRACES_SAMPLER=always_off"},
		drive: func(r *run) {
			r.send(succeeds.unseen(), fails.unseen(), panics.unseen().taking(handlerTime), tooLarge.unseen(),
				timesOut.unseen(), succeeds.unseen())
			r.shutdown()
		},
	},
	{
		name: "SDK disabled",
		env:  []string{"OTEL_SDK_DISABLED=true"},
		drive: func(r *run) {
			r.send(succeeds.unseen(), fails.unseen(), panics.unseen().taking(handlerTime), succeeds.unseen())
			r.shutdown()
		},
	},
	{
		name: "bad settings",
		env: []string{
			"OTEL_TRACES_SAMPLER=sometimes", "OTEL_BSP_MAX_QUEUE_SIZE=many", "OTEL_EXPORTER_OTLP_CERTIFICATE=/nowhere.pem",
			"OTEL_EXPORTER_OTLP_COMPRESSION=zip", "OTEL_PROPAGATORS=b4", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
			"EPILOGUE_FLUSH_TIMEOUT=soon", "EPILOGUE_EXTENSION_NAME=a b", "EPILOGUE_SHUTDOWN_ONLY=maybe",
		},
		says: []string{
			`OTEL_TRACES_SAMPLER="sometimes"`, `OTEL_BSP_MAX_QUEUE_SIZE="many"`, `OTEL_EXPORTER_OTLP_CERTIFICATE="/nowhere.pem"`,
			`OTEL_EXPORTER_OTLP_COMPRESSION="zip"`, `OTEL_PROPAGATORS="b4"`, `OTEL_EXPORTER_OTLP_PROTOCOL="grpc"`,
			`EPILOGUE_FLUSH_TIMEOUT=\"soon\"`, `EPILOGUE_EXTENSION_NAME=\"a b\"`, `EPILOGUE_SHUTDOWN_ONLY=\"maybe\"`,
		},
		drive: func(r *run) { r.send(succeeds, fails, succeeds); r.shutdown() },
	},
	{
		name:   "endpoint without a scheme",
		env:    []string{"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318", "EPILOGUE_FLUSH_TIMEOUT=100ms"},
		permit: permit{lost: 5},
		says:   []string{`OTEL_EXPORTER_OTLP_ENDPOINT="collector:4318"`, "but not everything was delivered"},
		drive: func(r *run) {
			// What counts instead is localhost, where nobody listens.
			r.send(succeeds.heldAtMost(100*time.Millisecond), fails.heldAtMost(100*time.Millisecond))
			r.shutdown()
		},
	},
	{
		name:   "endpoint where nobody listens",
		env:    []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "EPILOGUE_FLUSH_TIMEOUT=100ms"},
		permit: permit{lost: 5},
		says:   []string{"agent: flush failed", "127.0.0.1:1", "but not everything was delivered"},
		drive: func(r *run) {
			r.send(succeeds.heldAtMost(100*time.Millisecond), fails.heldAtMost(100*time.Millisecond))
			r.shutdown()
		},
	},
}
