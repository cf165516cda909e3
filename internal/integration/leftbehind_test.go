package integration

import (
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
)

// Spans that goroutines end after their handler leave with the next flush: that of the next invocation, or of SIGTERM.
func TestSpansLeftBehindInMemory(t *testing.T) {
	t.Parallel()
	behind := many(0,
		handlerTime/2,               // before the response
		handlerTime+backendTime/2,   // during the flush, which has begun without it
		hour/2,                      // in the freeze
		hour+handlerTime,            // in the handler of the next invocation
		hour+hour/2, 1000*time.Hour, // in the next freeze, never
	)
	behind.Errors = 1 // the last span, which the shutdown ends
	inMemory(t, scenario{Steps: steps(
		invoke(behind), harness.Arrived(4), freeze(hour), // with the span of the initialization
		invoke(ok), harness.Arrived(9), freeze(hour),
		shutdown, harness.Arrived(11))})
}
