package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-lambda-go/lambdaurl"
)

type order struct {
	ID   int64          `json:"id"`
	Note string         `json:"note"`
	Any  any            `json:"any,omitempty"`
	More map[string]any `json:"more,omitempty"`
}

// shapes are the handlers that TestEquality runs with and without Wrap, by name.
var shapes = merge(signatureShapes, valueShapes, readerShapes, errorShapes, panicShapes, handlerShapes, invalidShapes)

var signatureShapes = map[string]any{
	"func()":                            func() {},
	"func(TIn)":                         func(order) {},
	"func() error":                      func() error { return nil },
	"func(TIn) error":                   refuse,
	"func() (TOut, error)":              func() (string, error) { return "<none>", nil },
	"func(TIn) (TOut, error)":           func(o order) (order, error) { return o, refuse(o) },
	"func(Context)":                     func(context.Context) {},
	"func(Context) error":               func(context.Context) error { return errors.New("<no>") },
	"func(Context) (TOut, error)":       func(ctx context.Context) (any, error) { return aboutContext(ctx), nil },
	"func(Context, TIn)":                func(context.Context, *order) {},
	"func(Context, TIn) error":          func(_ context.Context, o order) error { return refuse(o) },
	"func(Context, TIn) (TOut, error)":  func(_ context.Context, o order) (order, error) { return o, nil },
	"func(Context, *TIn) (TOut, error)": func(_ context.Context, o *order) (*order, error) { return o, nil },
	"func(any) (any, error)":            func(v any) (any, error) { return v, nil },
	"func(map)":                         func(v map[string]any) (map[string]any, error) { return v, nil },
	"func(RawMessage)":                  func(v json.RawMessage) (json.RawMessage, error) { return v, nil },
	"func([]byte)":                      func(v []byte) ([]byte, error) { return v, nil },
	"func(string)":                      func(v string) (string, error) { return v, nil },
	"func(int64)":                       func(v int64) (int64, error) { return v, nil },
	"func(float64)":                     func(v float64) (float64, error) { return v, nil },
	"func(...TIn)":                      func(...string) error { return nil },
	"func(ownContext)":                  func(ownContext) error { return nil },
	"func(fmt.Stringer event)":          func(context.Context, fmt.Stringer) error { return nil },
}

// ownContext has the methods of context.Context under another name.
type ownContext interface{ context.Context }

// refuse fails for some orders, so that a signature is seen both ways.
func refuse(o order) error {
	if o.Note == "refuse" {
		return fmt.Errorf("order %d <refused>", o.ID)
	}
	return nil
}

// aboutContext returns what a handler can learn from aws-lambda-go's context.
func aboutContext(ctx context.Context) any {
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, ok := ctx.Deadline()
	return []any{ctx.Value(contextKey{}), lc, deadline.Unix(), ok, ctx.Value("x-amzn-trace-id")}
}

var valueShapes = map[string]any{
	"nil any":          func() (any, error) { return nil, nil },
	"nil pointer":      func() (*order, error) { return nil, nil },
	"empty struct":     func() (struct{}, error) { return struct{}{}, nil },
	"html":             func() (order, error) { return order{Note: "<&>\u2028", More: map[string]any{"a": 1}}, nil },
	"channel":          func() (any, error) { return make(chan int), nil },
	"not a number":     func() (float64, error) { return math.NaN(), nil },
	"bad raw message":  func() (json.RawMessage, error) { return json.RawMessage("{"), nil },
	"own json":         func() (any, error) { return ownJSON{}, nil },
	"own json failing": func() (any, error) { return failingJSON{}, nil },
	"http response": func(e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		return events.APIGatewayV2HTTPResponse{StatusCode: 201, Body: e.RawPath}, nil
	},
	"large": func() (string, error) { return strings.Repeat("<x>", 50_000), nil },
}

type ownJSON struct{}

func (ownJSON) MarshalJSON() ([]byte, error) { return []byte(` { "own" : "<json>" } `), nil }

type failingJSON struct{}

func (failingJSON) MarshalJSON() ([]byte, error) { return nil, errors.New("no json today") }

var readerShapes = map[string]any{
	"bytes.Buffer":     func() (io.Reader, error) { return bytes.NewBufferString("<buffer>"), nil },
	"typed Buffer":     func() (*bytes.Buffer, error) { return bytes.NewBufferString("<buffer>"), nil },
	"strings.Reader":   func() (any, error) { return strings.NewReader("<strings>"), nil },
	"empty reader":     func() (io.Reader, error) { return strings.NewReader(""), nil },
	"large reader":     func() (io.Reader, error) { return strings.NewReader(strings.Repeat("r", 200_000)), nil },
	"nil reader":       func() (io.Reader, error) { return nil, nil },
	"nil Buffer":       func() (*bytes.Buffer, error) { return nil, nil },
	"content type":     func() (io.Reader, error) { return &typedReader{r: strings.NewReader("<p>")}, nil },
	"no content type":  func() (io.Reader, error) { return &typedReader{r: strings.NewReader("x"), empty: true}, nil },
	"json reader":      func() (io.Reader, error) { return &jsonReader{Reader: strings.NewReader("unused"), N: 1}, nil },
	"unjson reader":    func() (io.Reader, error) { return unjsonReader{strings.NewReader("<used>")}, nil },
	"value reader":     func() (onlyA, error) { return onlyA{}, nil },
	"fails at once":    func() (io.Reader, error) { return failing("", errors.New("<broken>")), nil },
	"fails midway":     func() (io.Reader, error) { return failing("half", &ownError{7}), nil },
	"fails with wire":  func() (io.Reader, error) { return failing("half", wireError()), nil },
	"reader and error": func() (io.Reader, error) { return strings.NewReader("x"), errors.New("no") },
	"panics in Read":   func() (io.Reader, error) { return panickingReader{}, nil },
	"panics in Close":  func() (io.Reader, error) { return panickingCloser{strings.NewReader("x")}, nil },
}

type typedReader struct {
	r     io.Reader
	empty bool
}

func (t *typedReader) Read(p []byte) (int, error) { return t.r.Read(p) }
func (t *typedReader) Close() error               { return errors.New("close is not reported") }
func (t *typedReader) ContentType() string {
	if t.empty {
		return ""
	}
	return "text/html; charset=utf-8"
}

type jsonReader struct {
	io.Reader `json:"-"`
	N         int
}

type unjsonReader struct{ io.Reader }

func (unjsonReader) MarshalJSON() ([]byte, error) { return nil, errors.New("not json") }

// onlyA is a reader that is no pointer and encodes to a string.
type onlyA struct{}

func (onlyA) Read([]byte) (int, error)     { return 0, io.EOF }
func (onlyA) MarshalText() ([]byte, error) { return []byte("<text>"), nil }

func failing(head string, err error) io.Reader {
	return io.MultiReader(strings.NewReader(head), failingReader{err})
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

type panickingReader struct{}

func (panickingReader) Read([]byte) (int, error) { panic("boom") }

// reader can be embedded without adding an exported field, which would make the type encode to more than "{}".
type reader = io.Reader

type panickingCloser struct{ reader }

func (panickingCloser) Close() error { panic("boom") }

type ownError struct{ code int }

func (e *ownError) Error() string { return fmt.Sprintf("own <error> %d", e.code) }

type valueError string

func (e valueError) Error() string { return string(e) }

func wireError() error {
	return messages.InvokeResponse_Error{Message: "<wire>", Type: "Wire.Error", ShouldExit: false}
}

var errorShapes = map[string]any{
	"errors.New":        func() error { return errors.New("<plain>") },
	"pointer error":     func() (order, error) { return order{}, &ownError{3} },
	"value error":       func() error { return valueError("value") },
	"wrapped error":     func() error { return fmt.Errorf("wrapped: %w", &ownError{4}) },
	"wire error":        wireError,
	"concrete error":    func() *ownError { return &ownError{5} },
	"nil error pointer": func() (order, *ownError) { return order{}, nil },
	"empty message":     func() error { return valueError("") },
}

var panicShapes = map[string]any{
	"panic string":      func() { deep(3, func() { panic("<told>") }) },
	"panic error":       func(order) error { panic(&ownError{6}) },
	"panic nil map":     func() { deep(2, func() { nilMap["x"] = 1 }) },
	"panic nil pointer": func(o *order) (int64, error) { var p *order; return p.ID + o.ID, nil },
	"panic index":       func(o order) error { _ = []int{1}[len(o.Note)+1]; return nil },
	"panic wire":        func() { panic(wireError()) },
	"panic struct":      func() { panic(order{ID: 1}) },
	"panic in json":     func() (any, error) { return panickingJSON{}, nil },
	"panic repeated": func() {
		defer func() { panic(fmt.Sprint("again: ", recover())) }()
		panic("first")
	},
}

var nilMap map[string]int

func deep(n int, f func()) {
	if n == 0 {
		f()
		return
	}
	deep(n-1, f)
}

type panickingJSON struct{}

func (panickingJSON) MarshalJSON() ([]byte, error) { panic("boom") }

var handlerShapes = map[string]any{
	"Handler":               bytesHandler(func(_ context.Context, p []byte) ([]byte, error) { return p, nil }),
	"Handler nil":           bytesHandler(func(context.Context, []byte) ([]byte, error) { return nil, nil }),
	"Handler error":         bytesHandler(func(context.Context, []byte) ([]byte, error) { return []byte("x"), &ownError{8} }),
	"Handler panic":         bytesHandler(func(context.Context, []byte) ([]byte, error) { panic("<handler>") }),
	"NewHandler":            lambda.NewHandler(func(o order) (order, error) { return o, nil }),
	"NewHandlerWithOptions": lambda.NewHandlerWithOptions(func() (string, error) { return "<", nil }, lambda.WithSetEscapeHTML(true)),
	"lambdaurl": lambdaurl.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Path", r.URL.Path)
		w.Header().Set("Content-Type", "text/html")
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		w.WriteHeader(http.StatusTeapot)
		for range 3 {
			_, _ = io.WriteString(w, "<part>")
		}
	})),
}

type bytesHandler func(context.Context, []byte) ([]byte, error)

func (h bytesHandler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return h(ctx, payload)
}

var invalidShapes = map[string]any{
	"nil":              nil,
	"not a function":   order{},
	"nil function":     (func() error)(nil),
	"three arguments":  func(context.Context, int, int) {},
	"three results":    func() (int, int, error) { return 0, 0, nil },
	"no error":         func() int { return 1 },
	"second no error":  func() (int, int) { return 1, 2 },
	"first no context": func(int, int) error { return nil },
	"no context":       func(fmt.Stringer) error { return nil },
}

func merge(maps ...map[string]any) map[string]any {
	all := make(map[string]any)
	for _, m := range maps {
		for name, shape := range m {
			all[name] = shape
		}
	}
	return all
}
