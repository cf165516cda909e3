package integration

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdaurl"

	"github.com/epilogue-go/epilogue/internal/harness"
)

func init() {
	harness.Programs["lambdaurl"] = func(p harness.Process) {
		f := harness.Start(p)
		f.Serve(lambdaurl.Wrap(http.HandlerFunc(page{f}.serve)))
	}
	harness.Programs["download"] = func(p harness.Process) {
		f := harness.Start(p)
		f.Serve(page{f}.download)
	}
}

type page struct{ *harness.Function }

// serve is an ordinary http.Handler behind a function URL. It streams over streamTime. "/endless" never stops, unless its
// writes fail.
func (f page) serve(w http.ResponseWriter, r *http.Request) {
	_, span := f.Tracer.Start(r.Context(), "work")
	defer span.End()
	w.Header().Set("Content-Type", "text/plain")
	if r.URL.Path == "/missing" {
		w.WriteHeader(http.StatusNotFound)
	}
	if _, err := io.Copy(w, f.Stream(streamTime/3)); err != nil {
		return
	}
	span.End() // a later end may miss the last flush if no one takes the response
	for r.URL.Path == "/endless" {
		if _, err := io.WriteString(w, strings.Repeat("x", 1<<20)); err != nil {
			return
		}
	}
}

// download returns aws-lambda-go's streaming response itself; that of "/broken" breaks off.
func (f page) download(_ context.Context, r events.LambdaFunctionURLRequest) (*events.LambdaFunctionURLStreamingResponse, error) {
	body := f.Stream(streamTime / 3)
	if r.RawPath == "/broken" {
		body = io.MultiReader(body, brokenReader{})
	}
	return &events.LambdaFunctionURLStreamingResponse{StatusCode: http.StatusAccepted, Body: body}, nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("the source is gone") }

// get is a call of a function URL that streams, with so many spans.
func get(path, prelude string, spans int) call {
	return call{
		Name:    "GET " + path,
		Payload: `{"rawPath":"` + path + `","requestContext":{"domainName":"example.com","http":{"method":"GET"}}}`,
		Expect: expect{
			Answer: prelude + "\x00\x00\x00\x00\x00\x00\x00\x00one two three", Spans: spans, Response: streamTime, Held: backendTime,
		},
	}
}

func failing(c call, errorType string) call {
	return but(c, func(c *call) { c.Answer, c.ErrorType, c.Errors = "", errorType, 1 })
}

var (
	found    = get("/", `{"statusCode":200,"headers":{"Content-Type":"text/plain"}}`, 2)
	missing  = get("/missing", `{"statusCode":404,"headers":{"Content-Type":"text/plain"}}`, 2)
	endless  = early(exits(failing(get("/endless", "", 2), tooLarge.ErrorType), 1)) // aws-lambda-go closes the rest and ends the process
	accepted = get("/", `{"statusCode":202}`, 1)
)

// streamings are function URLs with streamed responses.
var streamings = []scenario{
	{
		Name:    "lambdaurl",
		Program: "lambdaurl",
		Steps: steps(
			invoke(found, missing), streamed(stream{200, 13, ""}, stream{404, 13, ""}), freeze(hour), invoke(found), shutdown),
	},
	{
		Name:    "lambdaurl, no one takes the rest",
		Program: "lambdaurl",
		Steps: steps(
			harness.InvokeToExit(endless), invoke(found), shutdown,
			streamed(stream{200, -1, "response closed before its end was read"}, stream{200, 13, ""})),
	},
	{
		Name:    "streaming response",
		Program: "download",
		Steps: steps(
			invoke(accepted, failing(get("/broken", "", 1), "errorString"), accepted), shutdown,
			streamed(stream{202, 13, ""}, stream{202, 13, "the source is gone"}, stream{202, 13, ""})),
	},
}

// stream is what a span says about a streamed response: its status, the size of its body (-1: any), and the error.
type stream struct {
	status, size int64
	message      string
}

// streamed compares the spans of the invocations, in the order of their arrival.
func streamed(want ...stream) step {
	return func(r *run) {
		var all []stream
		for _, s := range r.Receiver.Spans() {
			if s.Attributes["faas.invocation_id"] == nil {
				continue
			}
			status, _ := s.Attributes["http.response.status_code"].(int64)
			size, _ := s.Attributes["http.response.body.size"].(int64)
			if i := len(all); i < len(want) && want[i].size < 0 && size > 0 {
				size = -1
			}
			all = append(all, stream{status, size, s.StatusMessage})
			if s.Kind != "server" || s.Attributes["faas.trigger"] != "http" || s.End.Sub(s.Start) < streamTime {
				r.Errorf("span %q of kind %s, %v long; want the server's, over the whole body", s.Name, s.Kind, s.End.Sub(s.Start))
			}
		}
		if len(all) != len(want) {
			r.Errorf("%d spans of invocations arrived; want %d", len(all), len(want))
			return
		}
		for i := range want {
			if all[i] != want[i] {
				r.Errorf("span %d says %+v; want %+v", i+1, all[i], want[i])
			}
		}
	}
}
