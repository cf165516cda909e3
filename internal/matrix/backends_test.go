package matrix

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// backend is what is wrong with the backend, and when. Bad is the time from the freeze before the invocation with the end
// until that invocation is over or its process has ended.
type backend struct {
	name string // of the column
	doc  string

	always otlpreceiver.Fault   // for the whole story
	first  []otlpreceiver.Fault // for the first requests of the bad time, or after it where there are none
	bad    otlpreceiver.Fault   // for all requests of the bad time

	cut         bool // each freeze ends all connections
	unreachable bool // no request ever gets there
	rejects     bool // it keeps a request but for a span
	refuses     bool // it never wants the request again
	endpoint    func(*otlpreceiver.Receiver) (url string, stop func())

	flushTimeout time.Duration // default: ample
}

// What a flush may take: with a backend that is there, more than a busy machine adds to it; with one that is not, little,
// since it will be used up.
const (
	ample = 5 * time.Second
	short = 300 * time.Millisecond
)

var (
	unavailable = otlpreceiver.Fault{Status: http.StatusServiceUnavailable}
	reset       = otlpreceiver.Fault{Cut: otlpreceiver.BeforeStore}
)

var backends = []backend{
	{name: "up", doc: "well"},
	{name: "slow", doc: "takes 100 ms to answer, always", always: otlpreceiver.Fault{Delay: 100 * time.Millisecond}},
	{name: "503", doc: "refuses two requests with 503, then is up", first: []otlpreceiver.Fault{unavailable, unavailable}},
	{
		name: "429", doc: "refuses one request with 429 and a Retry-After of one second, then is up",
		first: []otlpreceiver.Fault{{Status: http.StatusTooManyRequests, RetryAfter: "1"}},
	},
	{
		name: "reset", doc: "resets two connections before it has kept their spans, then is up",
		first: []otlpreceiver.Fault{reset, reset},
	},
	{name: "closed", doc: "closes all connections in each freeze", cut: true},
	{
		name: "hangs", doc: "answers nothing, and is up again when the invocation is over", bad: otlpreceiver.Fault{Hang: true},
		flushTimeout: short,
	},
	{name: "TLS", doc: "has a certificate of an unknown authority, always", unreachable: true, endpoint: untrusted, flushTimeout: short},
	{
		name: "DNS", doc: "has a name that does not resolve, always", unreachable: true, endpoint: unresolved,
		flushTimeout: short,
	},
	{
		name: "partial", doc: "rejects one span of each request, and is up again when the invocation is over",
		bad: otlpreceiver.Fault{Rejected: 1, Message: "too old"}, rejects: true,
	},
	{
		name: "400", doc: "refuses all requests for good, and is up again when the invocation is over",
		bad: otlpreceiver.Fault{Status: http.StatusBadRequest, Message: "no such tenant"}, refuses: true,
	},
}

// listen lets the receiver serve, and returns the endpoint that the function is given and what ends that.
func (b *backend) listen(t *testing.T, r *otlpreceiver.Receiver) (url string, stop func()) {
	t.Helper()
	if b.endpoint != nil {
		return b.endpoint(r)
	}
	if err := r.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	return r.Endpoint(), func() {}
}

// untrusted serves with a certificate that net/http/httptest has signed itself.
func untrusted(r *otlpreceiver.Receiver) (url string, stop func()) {
	server := httptest.NewUnstartedServer(r)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	return server.URL, server.Close
}

// unresolved is a name that has no address anywhere (RFC 6761, 6.4).
func unresolved(*otlpreceiver.Receiver) (url string, stop func()) {
	return "http://collector.invalid:4318", func() {}
}

// budget is what a flush may take.
func (b *backend) budget() time.Duration {
	if b.flushTimeout > 0 {
		return b.flushTimeout
	}
	return ample
}

// hold returns the faults of the bad time with the first request held until the receiver's Release.
func (b *backend) hold() []otlpreceiver.Fault {
	held := slices.Clone(b.first)
	switch {
	case len(held) > 0:
	case b.bad != (otlpreceiver.Fault{}):
		held = []otlpreceiver.Fault{b.bad}
	default:
		held = []otlpreceiver.Fault{b.always}
	}
	held[0].Hang = true
	return held
}
