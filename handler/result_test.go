package handler_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"go.opentelemetry.io/otel/codes"

	"github.com/epilogue-go/epilogue/handler"
)

const getEvent = `{"rawPath":"/u","requestContext":{"http":{"method":"GET"}}}`

// preludeOf is a response whose reader writes the prelude itself.
func preludeOf(text string) io.Reader {
	return &urlReader{strings.NewReader(text)}
}

type urlReader struct{ r io.Reader }

func (u *urlReader) Read(p []byte) (int, error) { return u.r.Read(p) }
func (*urlReader) ContentType() string          { return "application/vnd.awslambda.http-integration-response" }

// TestResponseSize asserts the size of an HTTP response's body or of any other response, and the status that the response
// has.
func TestResponseSize(t *testing.T) {
	const end = "\x00\x00\x00\x00\x00\x00\x00\x00"
	type v2 = events.APIGatewayV2HTTPResponse
	type streaming = events.LambdaFunctionURLStreamingResponse
	http := func(result any) any { return func(events.LambdaFunctionURLRequest) (any, error) { return result, nil } }
	plain := func(result any) any { return func() (any, error) { return result, nil } }
	tests := []struct {
		name         string
		fn           any
		http, other  string // sizes; empty: not recorded
		status, kind string // http.response.status_code, error.type
	}{
		{"encoded", plain("four"), "", "6", "", ""},
		{"a status to another event", plain(v2{StatusCode: 500}), "", "83", "", ""},
		{"no result", func() {}, "", "4", "", ""},
		{"a lambda.Handler's bytes", bytesOf([]byte("123"), nil), "", "3", "", ""},
		{"http, a lambda.Handler's bytes", bytesOf([]byte(`{"statusCode":503,"body":"four"}`), nil), "4", "", "503", "503"},
		{"streamed", plain(strings.NewReader("12345")), "", "5", "", ""},
		{"streamed, nothing", plain(strings.NewReader("")), "", "0", "", ""},
		{"http", http(v2{StatusCode: 200, Body: "häh"}), "4", "", "200", ""},
		{"http, a pointer", http(&v2{StatusCode: 500, Body: "oh"}), "2", "", "500", "500"},
		{"http, base64", http(v2{StatusCode: 200, Body: "aGVsbG8=", IsBase64Encoded: true}), "5", "", "200", ""},
		{"http, base64 without padding", http(v2{Body: "aGVsbG8", IsBase64Encoded: true}), "5", "", "", ""},
		{"http, base64 of nothing", http(v2{Body: "", IsBase64Encoded: true}), "0", "", "", ""},
		{"http, no body of its own", http(map[string]int{"a": 1}), "", "7", "", ""},
		{"http, a nil pointer", http((*v2)(nil)), "", "4", "", ""},
		{"http, streamed", http(strings.NewReader("12345")), "5", "", "", ""},
		{"streaming response", http(&streaming{StatusCode: 206, Body: strings.NewReader("12345")}), "5", "", "206", ""},
		{"streaming response, default status", http(&streaming{Body: strings.NewReader("123")}), "3", "", "200", ""},
		{"streaming response, no body", http(&streaming{StatusCode: 503}), "0", "", "503", "503"},
		{"streaming response to any event", plain(&streaming{StatusCode: 404, Body: strings.NewReader("1")}), "1", "", "404", ""},
		{"own prelude", plain(preludeOf(`{"statusCode":418,"headers":{"a":"b"}}` + end + "tea")), "3", "", "418", ""},
		{"own prelude, zeros in the body", plain(preludeOf(`{"statusCode":200}` + end + end)), "8", "", "200", ""},
		{"own prelude, no status", plain(preludeOf(`{}` + end + "tea")), "3", "", "", ""},
		{"own prelude, no JSON", plain(preludeOf(`{` + end + "tea")), "3", "", "", ""},
		{"own prelude, no end", plain(preludeOf(`{"statusCode":200}`)), "18", "", "", ""},
		{"own prelude, too long", plain(preludeOf(strings.Repeat(" ", 70_000) + `{"statusCode":200}` + end)), "70026", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := attributes(invoke(t, tt.fn, getEvent).span(t).Attributes())
			for key, want := range map[string]string{
				"http.response.body.size": tt.http, "epilogue.response.size": tt.other,
				"http.response.status_code": tt.status, "error.type": tt.kind,
			} {
				if got[key] != want {
					t.Errorf("%s=%q, want %q", key, got[key], want)
				}
			}
		})
	}
}

// TestPreludeIsReadFromAnyPieces cuts a response into reads of other sizes.
func TestPreludeIsReadFromAnyPieces(t *testing.T) {
	const response = "{\"statusCode\":201,\"headers\":{\"x\":\"y\"}}\x00\x00\x00\x00\x00\x00\x00\x00body\x00\x00"
	for _, cut := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader} {
		j := newRecorder()
		r := respond(t, j, &urlReader{cut(strings.NewReader(response))})
		if got, err := io.ReadAll(r); err != nil || string(got) != response {
			t.Errorf("read %q, %v", got, err)
		}
		_ = r.Close()
		a := attributes(j.span(t).Attributes())
		if a["http.response.status_code"] != "201" || a["http.response.body.size"] != "6" {
			t.Errorf("status %q, size %q, want 201 and 6", a["http.response.status_code"], a["http.response.body.size"])
		}
	}
}

// TestSpanTellsHowAStreamBroke asserts the error and the size of a stream that is not read to its end.
func TestSpanTellsHowAStreamBroke(t *testing.T) {
	half := strings.Repeat("x", 40_000)
	for name, tt := range map[string]struct {
		body    io.Reader
		read    int64 // bytes; negative: to the end
		message string
		size    string
	}{
		"whole":               {strings.NewReader(half), -1, "", "40000"},
		"the reader fails":    {failing(half, errors.New("disk gone")), -1, "disk gone", "40000"},
		"an unexpected end":   {failing(half, io.ErrUnexpectedEOF), -1, io.ErrUnexpectedEOF.Error(), "40000"},
		"the caller has gone": {strings.NewReader(half), 1000, "response closed before its end was read", "1000"},
		"never read":          {strings.NewReader(half), 0, "response closed before its end was read", "0"},
		"the reader panics":   {io.MultiReader(strings.NewReader("1234"), panickingReader{}), -1, "boom", "4"},
	} {
		t.Run(name, func(t *testing.T) {
			j := newRecorder()
			r := respond(t, j, struct{ reader }{tt.body})
			func() {
				defer func() { _ = recover() }()
				if tt.read < 0 {
					_, _ = io.Copy(io.Discard, r)
				} else {
					_, _ = io.CopyN(io.Discard, r, tt.read)
				}
				_ = r.Close()
			}()
			s := j.span(t)
			if got := s.Status(); (got.Code == codes.Error) != (tt.message != "") || got.Description != tt.message {
				t.Errorf("status %v, want %q", got, tt.message)
			}
			if got := attributes(s.Attributes())["epilogue.response.size"]; got != tt.size {
				t.Errorf("%s bytes, want %s", got, tt.size)
			}
		})
	}
}

// FuzzPrelude asserts that any response passes unchanged, and that a size is never negative.
func FuzzPrelude(f *testing.F) {
	f.Add("{\"statusCode\":201}\x00\x00\x00\x00\x00\x00\x00\x00body", 3)
	f.Fuzz(func(t *testing.T, response string, piece int) {
		j := newRecorder()
		r := respond(t, j, &urlReader{strings.NewReader(response)})
		var got strings.Builder
		buf := make([]byte, max(1, min(piece, 1<<16)))
		_, err := io.CopyBuffer(struct{ io.Writer }{&got}, struct{ io.Reader }{r}, buf)
		if err != nil || got.String() != response {
			t.Errorf("read %q, %v; want %q", got.String(), err, response)
		}
		_ = r.Close()
		if size := attributes(j.span(t).Attributes())["http.response.body.size"]; size == "" || strings.HasPrefix(size, "-") {
			t.Errorf("size %q", size)
		}
	})
}

// switchable hides an event or a result, as core.SwitchableAPIGatewayRequest and its response of aws-lambda-go-api-proxy
// do.
type switchable struct{ text json.RawMessage }

func (s *switchable) UnmarshalJSON(text []byte) error { return s.text.UnmarshalJSON(text) }
func (s *switchable) MarshalJSON() ([]byte, error)    { return s.text, nil }

func TestTypesThatEncodeThemselvesTellTheRequestAndTheResponse(t *testing.T) {
	const response = `{"statusCode":503,"headers":{"X-A":"1"},"body":"four"}`
	values := func() *switchable { return &switchable{json.RawMessage(response)} }
	for name, fn := range map[string]any{
		"pointers": func(*switchable) (*switchable, error) { return values(), nil },
		"value":    func(switchable) (any, error) { return values(), nil },
		"embedded": func(struct{ switchable }) (any, error) { return struct{ *switchable }{values()}, nil },
	} {
		j := newRecorder()
		opts := append(j.options(true), w3cAndBaggage, handler.WithCapturedResponseHeaders("X-A"))
		out, err := lambda.NewHandler(handler.Wrap(fn, opts...)).Invoke(t.Context(), []byte(urlEvent))
		if string(out) != response || err != nil {
			t.Errorf("%s: response %q, error %v", name, out, err)
		}
		s := j.span(t)
		got := attributes(s.Attributes())
		if s.Name() != "POST" || s.Parent().SpanID().String() != w3cParent || got["url.path"] != "/orders/17" {
			t.Errorf("%s: span %q, parent %v, attributes %v", name, s.Name(), s.Parent(), got)
		}
		if s.Status().Code != codes.Error || got["http.response.status_code"] != "503" ||
			got["http.response.body.size"] != "4" || got["http.response.header.x-a"] != `["1"]` {
			t.Errorf("%s: status %v, attributes %v", name, s.Status(), got)
		}
	}
}
