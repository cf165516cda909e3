package integration

import "time"

const (
	shutdownOnly   = "EPILOGUE_SHUTDOWN_ONLY=true"
	notDelivered   = "but not everything was delivered"
	shortFlush     = 100 * ms
	shortFlushText = "EPILOGUE_FLUSH_TIMEOUT=100ms"
)

// settings are other programs and settings of the function.
var settings = []scenario{
	{
		Name: "shutdown-only",
		Env:  []string{shutdownOnly},
		Steps: steps(
			unheld, invoke(timesOut, ok), freeze(hour), invoke(ok), shutdown),
	},
	{
		Name: "shutdown-only, backend hangs",
		Env:  []string{shutdownOnly, "EPILOGUE_FLUSH_TIMEOUT=500ms"},
		Steps: steps(
			backend(hanging), invoke(held(ok, 500*ms), held(streams, 100*ms)), // the second flush is a probe
			backend(up), freeze(time.Second), invoke(ok), shutdown),
	},
	{
		Name:    "lambda.Handler",
		Program: "handler",
		Steps:   steps(invoke(ok, fails, timesOut, panics, ok), shutdown),
	},
	{
		Name:    "lambda.Handler, shutdown-only",
		Program: "handler",
		Env:     []string{shutdownOnly},
		Steps: steps(
			invoke(flushedFirst(ok), flushedFirst(fails), timesOut, panics, flushedFirst(ok)), shutdown),
	},
	{
		Name:    "handler not wrapped",
		Program: "unwrapped",
		Allow:   allow{Background: true},
		Steps: steps(
			invoke(unwrapped(ok), unwrapped(fails), unwrapped(ok)), freeze(hour),
			invoke(unwrapped(ok), held(undecodable, 0), unwrapped(ok)), shutdown),
	},
	{
		Name: "no span sampled",
		Env:  []string{"OTEL_TRACES_SAMPLER=always_off"},
		Steps: steps(
			invoke(spanless(ok), spanless(fails), spanless(panics), spanless(tooLarge), spanless(timesOut), spanless(ok)),
			shutdown),
	},
	{
		Name: "SDK disabled",
		Env:  []string{"OTEL_SDK_DISABLED=true"},
		Steps: steps(
			invoke(silent(ok), silent(fails), silent(posted(panics, handlerTime)), silent(ok)), shutdown),
	},
	{
		Name: "bad settings",
		Env: []string{
			"OTEL_TRACES_SAMPLER=sometimes", "OTEL_BSP_MAX_QUEUE_SIZE=many", "OTEL_EXPORTER_OTLP_CERTIFICATE=/nowhere.pem",
			"OTEL_EXPORTER_OTLP_COMPRESSION=zip", "OTEL_PROPAGATORS=b4", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
			"EPILOGUE_FLUSH_TIMEOUT=soon", "EPILOGUE_EXTENSION_NAME=a b", "EPILOGUE_SHUTDOWN_ONLY=maybe",
		},
		Logs: []string{
			`OTEL_TRACES_SAMPLER="sometimes"`, `OTEL_BSP_MAX_QUEUE_SIZE="many"`, `OTEL_EXPORTER_OTLP_CERTIFICATE="/nowhere.pem"`,
			`OTEL_EXPORTER_OTLP_COMPRESSION="zip"`, `OTEL_PROPAGATORS="b4"`, `OTEL_EXPORTER_OTLP_PROTOCOL="grpc"`,
			`EPILOGUE_FLUSH_TIMEOUT=\"soon\"`, `EPILOGUE_EXTENSION_NAME=\"a b\"`, `EPILOGUE_SHUTDOWN_ONLY=\"maybe\"`,
		},
		Steps: steps(invoke(ok, fails, ok), shutdown),
	},
	{
		Name:  "endpoint without a scheme", // localhost counts instead, without a listener
		Env:   []string{"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318", shortFlushText},
		Allow: allow{Lost: 5, LostRecords: 2, LostMeasurements: 2},
		Logs:  []string{`OTEL_EXPORTER_OTLP_ENDPOINT="collector:4318"`, notDelivered},
		Steps: steps(invoke(heldAtMost(ok, shortFlush), heldAtMost(fails, shortFlush)), shutdown),
	},
	{
		Name:  "endpoint without a listener",
		Env:   []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", shortFlushText},
		Allow: allow{Lost: 5, LostRecords: 2, LostMeasurements: 2},
		Logs:  []string{"agent: flush failed", "127.0.0.1:1", notDelivered},
		Steps: steps(invoke(heldAtMost(ok, shortFlush), heldAtMost(fails, shortFlush)), shutdown),
	},
}

// unwrapped expects the handler's own span alone, which leaves with a later flush.
func unwrapped(c call) call { return held(ends(c, 1, 0), 0) }
