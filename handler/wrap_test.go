package handler_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/epilogue-go/epilogue/handler"
)

func TestWhatCannotBeInstrumentedComesBackAsItIs(t *testing.T) {
	unwrapped := map[string]string{
		"NewHandler": "hides the function", "NewHandlerWithOptions": "hides the function",
		"nil": "is nil or", "not a function": "not a function", "nil function": "func() error that is nil",
		"three arguments": "takes",
		"three results":   "returns", "no error": "returns", "second no error": "returns", "first no context": "takes",
		"no context": "takes",
	}
	for name, reason := range unwrapped {
		var log bytes.Buffer
		before := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
		j := newRecorder()
		fn := shapes[name]
		got := handler.Wrap(fn, j.options(true)...)
		slog.SetDefault(before)
		if fmt.Sprintf("%T %p", got, got) != fmt.Sprintf("%T %p", fn, fn) {
			t.Errorf("%s: got %T, want the handler itself", name, got)
		}
		if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), reason) {
			t.Errorf("%s: log %q, want one line with %q", name, log.String(), reason)
		}
		if j.has("Attach") {
			t.Errorf("%s: the tracker was attached", name)
		}
	}
}

func TestLambdaOptionsAreReadWithoutTheirEffects(t *testing.T) {
	called := false
	sigterm := lambda.WithEnableSIGTERM(func() { called = true }) // would install a signal handler and a goroutine
	fn := handler.Wrap(func() (string, error) { return "<", nil },
		handler.WithLambdaOptions(nil, sigterm, lambda.WithSetEscapeHTML(true))).(readerFunc)
	out, err := fn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(out)
	if string(body) != `"\u003c"` || called {
		t.Errorf("response %s, want an escaped one", body)
	}
}
