package handler_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
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
		fn := shapes[name]()
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

// TestWrapTwice has a library's Wrap inside the program's own.
func TestWrapTwice(t *testing.T) {
	for name, want := range map[string]string{"http response": "application/json", "content type": "text/html; charset=utf-8"} {
		bare, once, twice := newRecorder(), newRecorder(), newRecorder()
		inner := handler.Wrap(shapes[name](), once.options(true)...)
		got := respondTo(t, handler.Wrap(inner, twice.options(true)...))
		alone := respondTo(t, handler.Wrap(shapes[name](), bare.options(true)...))
		if got != alone || !strings.HasPrefix(got, want) {
			t.Errorf("%s: wrapped twice %q, once %q, want %s", name, got, alone, want)
		}
		for _, j := range []*recorder{once, twice} {
			if !j.has("Begin "+requestID) || !j.has("End "+requestID) || !j.has("span ended") {
				t.Errorf("%s: %v", name, j.entries)
			}
		}
	}
}

// respondTo invokes an instrumented function as aws-lambda-go does, with an empty event, and returns content type and body.
func respondTo(t *testing.T, fn any) string {
	ctx, cancel := invocationContext(t)
	defer cancel()
	args := []reflect.Value{reflect.ValueOf(ctx)}
	if f := reflect.TypeOf(fn); f.NumIn() == 2 {
		args = append(args, reflect.Zero(f.In(1)))
	}
	out := reflect.ValueOf(fn).Call(args)[0].Interface().(io.ReadCloser)
	body, err := io.ReadAll(out)
	if err = errors.Join(err, out.Close()); err != nil && !strings.Contains(err.Error(), "close is not reported") {
		t.Error(err)
	}
	return out.(interface{ ContentType() string }).ContentType() + " " + string(body)
}
