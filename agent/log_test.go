package agent

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
)

func textLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

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

// TestLogGoesToStderrInLambda asserts which of the three logs the agent uses.
func TestLogGoesToStderrInLambda(t *testing.T) {
	var global, stderr, given bytes.Buffer
	old := slog.Default()
	slog.SetDefault(textLogger(&global))
	defer slog.SetDefault(old)

	outside := environment("EPILOGUE_FLUSH_TIMEOUT", "soon", "EPILOGUE_MARGIN", "1s")
	inside := environment("EPILOGUE_FLUSH_TIMEOUT", "soon", "EPILOGUE_MARGIN", "1s", "AWS_LAMBDA_RUNTIME_API", "x")
	for _, getenv := range []func(string) string{outside, inside} {
		newAgent(t.Context(), nil, []Option{WithProcess(Process{Getenv: getenv, Stderr: &stderr})}).stop()
		newAgent(t.Context(), nil, []Option{WithProcess(Process{Getenv: getenv, Stderr: &stderr}), WithLogger(textLogger(&given))}).stop()
	}
	for name, tt := range map[string]struct {
		log             *bytes.Buffer
		settings, names int // lines about the bad setting and about the retired variable
	}{"slog.Default": {&global, 1, 0}, "standard error": {&stderr, 1, 1}, "WithLogger": {&given, 2, 1}} {
		text := tt.log.String()
		if n := strings.Count(text, `EPILOGUE_FLUSH_TIMEOUT=\"soon\": not accepted`); n != tt.settings {
			t.Errorf("%s has %d lines about the setting, want %d: %s", name, n, tt.settings, text)
		}
		if n := strings.Count(text, "EPILOGUE_MARGIN is set and ignored: it is now called EPILOGUE_DEADLINE_MARGIN"); n != tt.names {
			t.Errorf("%s has %d lines about the retired variable, want %d: %s", name, n, tt.names, text)
		}
	}
}

// unknownVariables counts the runs of TestUnknownVariableIsLogged.
var unknownVariables int

// TestUnknownVariableIsLogged: a misspelled variable is named once with the one that is likely meant.
func TestUnknownVariableIsLogged(t *testing.T) {
	unknownVariables++ // it is named once in a process, so each run of the test has its own
	name := fmt.Sprintf("EPILOGUE_PRE_TIMEOUT_FLUSH_%d", unknownVariables)
	t.Setenv(name, "1s")
	var log bytes.Buffer
	for range 2 {
		newAgent(t.Context(), nil, []Option{WithLogger(textLogger(&log))}).stop()
	}
	if text := log.String(); strings.Count(text, name+" is set, but no such variable is known (is EPILOGUE_PRE_TIMEOUT_FLUSH meant?)") != 1 {
		t.Errorf("log %q, want one line about the variable", text)
	}
}
