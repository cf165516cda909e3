package logger

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func environment(pairs ...string) func(string) string {
	return func(key string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == key {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestLambdaLogIsJSONIfLambdaSaysSo(t *testing.T) {
	var text bytes.Buffer
	out := ForLambda(&text, environment("AWS_LAMBDA_LOG_FORMAT", "JSON"))
	out.Warn("trouble", slog.String("requestId", "r"), slog.Group("traces", slog.String("msg", "inner")))
	var line struct {
		Timestamp time.Time
		Level     string
		Message   string
		RequestID string
		Traces    map[string]string
	}
	if err := json.Unmarshal(text.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if time.Since(line.Timestamp) > time.Hour || line.Level != "WARN" || line.Message != "trouble" ||
		line.RequestID != "r" || line.Traces["msg"] != "inner" || strings.Count(text.String(), "\n") != 1 {
		t.Errorf("line %s", &text)
	}
	text.Reset()
	ForLambda(&text, environment()).Info("fine")
	if !strings.Contains(text.String(), "level=INFO msg=fine") {
		t.Errorf("without the format: %s", &text)
	}
}

func TestLambdaLogLevel(t *testing.T) {
	levels := []slog.Level{-8, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, 12}
	for i, name := range []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"} {
		out := ForLambda(io.Discard, environment("AWS_LAMBDA_LOG_LEVEL", name))
		for j, level := range levels {
			if got := out.Enabled(t.Context(), level); got != (j >= i) {
				t.Errorf("%s: a line of %v is written: %t", name, level, got)
			}
		}
	}
	for _, name := range []string{"", "LOUD"} {
		out := ForLambda(io.Discard, environment("AWS_LAMBDA_LOG_LEVEL", name))
		if out.Enabled(t.Context(), slog.LevelDebug) || !out.Enabled(t.Context(), slog.LevelInfo) {
			t.Errorf("%q does not mean INFO", name)
		}
	}
}
