package integration

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdaurl"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/otelx"
)

func init() {
	mains["lambdaurl"] = func(m machine) {
		m.run(func(f *function, ag *agent.Agent, tel *otelx.SDK) any {
			return f.wrap(lambdaurl.Wrap(http.HandlerFunc(f.page)), ag, tel)
		})
	}
	mains["download"] = func(m machine) {
		m.run(func(f *function, ag *agent.Agent, tel *otelx.SDK) any { return f.wrap(f.download, ag, tel) })
	}
}

// page is an ordinary http.Handler behind a function URL. It streams over streamTime, and never stops where it is asked for
// "/endless", unless nobody takes what it writes.
func (f *function) page(w http.ResponseWriter, r *http.Request) {
	_, span := f.tracer.Start(r.Context(), "work")
	defer span.End()
	w.Header().Set("Content-Type", "text/plain")
	if r.URL.Path == "/missing" {
		w.WriteHeader(http.StatusNotFound)
	}
	for _, part := range []string{"one ", "two ", "three"} {
		f.pause(streamTime / 3)
		if _, err := io.WriteString(w, part); err != nil {
			return
		}
	}
	span.End() // what follows a response that nobody takes may be too late for the last flush
	for r.URL.Path == "/endless" {
		if _, err := io.WriteString(w, strings.Repeat("x", 1<<20)); err != nil {
			return
		}
	}
}

// download returns aws-lambda-go's streaming response itself; that of "/broken" breaks off.
func (f *function) download(_ context.Context, r events.LambdaFunctionURLRequest) (*events.LambdaFunctionURLStreamingResponse, error) {
	var body io.Reader = &stream{f: f, parts: []string{"one ", "two ", "three"}}
	if r.RawPath == "/broken" {
		body = io.MultiReader(body, breaking{})
	}
	return &events.LambdaFunctionURLStreamingResponse{StatusCode: http.StatusAccepted, Body: body}, nil
}

// breaking is what is left of a body whose source is gone.
type breaking struct{}

func (breaking) Read([]byte) (int, error) { return 0, errors.New("the source is gone") }

// got is a call of a function URL that streams: GET path.
func got(path, prelude string) call {
	return call{
		name: "GET " + path, payload: `{"rawPath":"` + path + `","requestContext":{"domainName":"example.com","http":{"method":"GET"}}}`,
		answer: prelude + "\x00\x00\x00\x00\x00\x00\x00\x00one two three", spans: 1, handler: streamTime, after: collectorTime,
	}
}

// streamings are function URLs whose responses are streamed.
var streamings = []scenario{
	{
		name: "lambdaurl",
		main: "lambdaurl",
		drive: func(r *run) {
			found := got("/", `{"statusCode":200,"headers":{"Content-Type":"text/plain"}}`).ending(2)
			missing := got("/missing", `{"statusCode":404,"headers":{"Content-Type":"text/plain"}}`).ending(2)
			r.send(found, missing)
			r.compareStreams(streamed{200, 13, ""}, streamed{404, 13, ""})
			r.freeze(hour)
			r.send(found)
			r.shutdown()
		},
	},
	{
		name: "lambdaurl, nobody takes the rest",
		main: "lambdaurl",
		drive: func(r *run) {
			endless := got("/endless", "").ending(2).exiting(1)
			endless.answer, endless.errorType, endless.flagged = "", tooLarge.errorType, 1
			endless.early = true // aws-lambda-go has closed what it no longer reads, and ends the process
			r.answer(endless)
			r.awaitExit()
			r.send(got("/", `{"statusCode":200,"headers":{"Content-Type":"text/plain"}}`).ending(2))
			r.shutdown()
			r.compareStreams(streamed{200, -1, "response closed before its end was read"}, streamed{200, 13, ""})
		},
	},
	{
		name: "streaming response",
		main: "download",
		drive: func(r *run) {
			whole := got("/", `{"statusCode":202}`)
			broken := got("/broken", "")
			broken.answer, broken.errorType, broken.flagged = "", "errorString", 1
			r.send(whole, broken, whole)
			r.shutdown()
			r.compareStreams(streamed{202, 13, ""}, streamed{202, 13, "the source is gone"}, streamed{202, 13, ""})
		},
	},
}

// streamed is what a span says of a streamed response: its status, the size of its body, -1 for any, and the error.
type streamed struct {
	status, size int64
	message      string
}

// compareStreams compares the spans of the invocations, in the order of their arrival.
func (r *run) compareStreams(want ...streamed) {
	r.Helper()
	var all []streamed
	for _, s := range r.receiver.Spans() {
		if s.Attributes["faas.invocation_id"] == nil || invariant.IsCopy(s) {
			continue
		}
		status, _ := s.Attributes["http.response.status_code"].(int64)
		size, _ := s.Attributes["http.response.body.size"].(int64)
		if i := len(all); i < len(want) && want[i].size < 0 && size > 0 {
			size = -1
		}
		all = append(all, streamed{status, size, s.StatusMessage})
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
