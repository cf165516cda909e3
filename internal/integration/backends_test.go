package integration

import (
	"net/http"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

const slowTime = 300 * ms

var (
	slow        = fault{Delay: slowTime}
	unavailable = fault{Status: http.StatusServiceUnavailable}
	hanging     = fault{Hang: true}
	cutting     = fault{Cut: otlpreceiver.BeforeStore}
)

func throttled(seconds string) fault {
	return fault{Status: http.StatusTooManyRequests, RetryAfter: seconds}
}

// backends are what can be wrong with the backend, for a time or for good.
var backends = []scenario{
	{
		Name:  "backend up",
		Steps: steps(invoke(ok), freeze(hour), invoke(ok, ok), shutdown),
	},
	{
		Name:  "callers queue",
		Steps: steps(together(ok, ok, ok), shutdown),
	},
	{
		Name: "backend slow",
		Steps: steps(
			backend(slow),
			invoke(held(ok, slowTime), held(fails, slowTime), posted(panics, handlerTime+slowTime), held(streams, slowTime)),
			backend(up), invoke(ok), shutdown),
	},
	{
		Name: "backend unavailable (503), then up",
		Steps: steps(
			backend(unavailable), invoke(heldAtMost(ok, flushTimeout)), freeze(hour),
			backend(up), invoke(ok), shutdown),
	},
	{
		Name: "backend up again when a payload does not decode",
		Env:  []string{"EPILOGUE_FLUSH_TIMEOUT=1s"},
		Steps: steps(
			backend(unavailable), invoke(heldAtMost(ok, time.Second)),
			backend(up), invoke(held(undecodable, undecodable.Held+backendTime), notJSON), shutdown),
	},
	{
		Name:  "Retry-After within the flush timeout",
		Steps: steps(next(throttled("1")), invoke(held(ok, time.Second+backendTime)), shutdown),
	},
	{
		Name:  "Retry-After beyond the flush timeout",
		Steps: steps(next(throttled("60")), invoke(ok, held(ok, 0)), shutdown), // at first the metrics leave
	},
	{
		Name: "backend hangs, then up",
		Steps: steps(
			backend(hanging), invoke(held(ok, flushTimeout)), freeze(hour),
			backend(up), invoke(ok), shutdown),
	},
	{
		Name:   "backend hangs near the deadline",
		Config: lambdatest.Config{Timeout: 2 * time.Second},
		Env:    []string{"EPILOGUE_DEADLINE_MARGIN=400ms"},
		Steps: steps(
			backend(hanging), invoke(held(ok, 2*time.Second-handlerTime-400*ms)),
			backend(up), invoke(ok), shutdown),
	},
	{
		Name: "backend hangs during a panic and a refused response",
		Env:  []string{"EPILOGUE_FLUSH_TIMEOUT=500ms"},
		Steps: steps(
			backend(hanging), invoke(posted(panics, handlerTime+500*ms), held(tooLarge, 500*ms)),
			backend(up), invoke(ok), shutdown),
		Allow: allow{Lost: 6, LostRecords: 2, LostMeasurements: 2},
	},
	{
		Name: "backend back, and the breaker open, at a panic",
		Env:  []string{"EPILOGUE_FLUSH_TIMEOUT=500ms"},
		Steps: steps(
			backend(hanging), repeat(4, invoke(heldAtMost(ok, 500*ms))),
			backend(up), invoke(panics, ok), shutdown),
	},
	{
		Name:  "backend cuts the connection after it has kept spans",
		Allow: allow{Twice: true},
		Steps: steps(
			invoke(ok), next(fault{Cut: otlpreceiver.AfterStore}), invoke(heldAtMost(ok, 100*ms)), shutdown),
	},
	{
		Name:  "backend answers with a malformed body",
		Steps: steps(next(fault{Malformed: true}), invoke(ok, ok), shutdown),
	},
	{
		Name:  "backend rejects a span",
		Allow: allow{Lost: 1, LostRecords: 1},
		Steps: steps(next(fault{Rejected: 1, Message: "too old"}), invoke(ok, ok), shutdown),
		Logs:  []string{"too old", "graceful shutdown completed, but not everything was delivered"},
	},
	{
		Name:  "backend refuses for good (400)",
		Allow: allow{Lost: 3, LostRecords: 1},
		Steps: steps(
			next(fault{Status: http.StatusBadRequest, Message: "no such tenant"}), invoke(ok, ok), shutdown),
		Logs: []string{"no such tenant"},
	},
	{
		Name: "backend refuses log records alone (503), then is up",
		Steps: steps(
			backend(fault{Only: otlpreceiver.Logs, Status: http.StatusServiceUnavailable}),
			invoke(heldAtMost(ok, flushTimeout), heldAtMost(ok, flushTimeout)), harness.Arrived(5), inOneTrip, freeze(hour),
			backend(up), invoke(ok), shutdown),
	},
	{
		Name:  "queue half full in the middle of an invocation",
		Env:   []string{"OTEL_BSP_MAX_QUEUE_SIZE=40"},
		Steps: steps(invoke(early(heldAtMost(many(30), 20*ms)), ok), shutdown), // the export under way, and another
	},
}

// inOneTrip compares, in virtual time, when the spans so far have arrived: at once, whatever becomes of the other signals.
func inOneTrip(r *run) {
	for _, s := range r.Receiver.Spans() {
		if late := s.Arrived.Sub(s.End); r.Virtual && s.Name == "function" && late > backendTime {
			r.Errorf("span %q arrived %s after its end", s.Name, late)
		}
	}
}
