package agent

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/agent/internal/settings"
	"github.com/epilogue-go/epilogue/agent/internal/strategy"
)

func TestEachOptionReachesItsSetting(t *testing.T) {
	a := newAgent(t.Context(), nil, []Option{
		WithProcess(Process{Getenv: func(string) string { return "" }}), nil,
		WithExtensionName("ours"), WithFlushTimeout(time.Second), WithDeadlineMargin(time.Millisecond),
		WithHandlerStartWait(time.Minute), WithHandlerStartWait(2 * time.Second), WithShutdownBudget(3 * time.Second),
		WithPreTimeoutFlush(4 * time.Second), WithShutdownOnly(), WithEndBeforeTimeout(), WithFlushStrategy(AtEnd()), WithFlushStrategy(Periodic(0)),
		WithoutExit(),
	})
	defer a.stop()
	want := settings.Settings{
		ExtensionName: "ours",
		Budget: budget.Budget{
			FlushTimeout: time.Second, Margin: time.Millisecond, Shutdown: 3 * time.Second, PreTimeoutFlush: 4 * time.Second,
		},
		Strategy:         strategy.Strategy{Kind: strategy.Periodic, Period: 10 * time.Second},
		HandlerStartWait: 2 * time.Second,
		ShutdownOnly:     true,
		EndBeforeTimeout: true,
		WithoutExit:      true,
	}
	if diff := cmp.Diff(want, a.settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}
