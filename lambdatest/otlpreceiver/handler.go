package otlpreceiver

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// Request describes a received request.
type Request struct {
	Number      int         // from 1, in the order in which they began
	Connection  string      // "conn-1", the same for requests on the same connection
	Path        string      // of the URL
	Signal      Signal      // "" if the path names none
	Header      http.Header // with the values of credentials replaced by their lengths
	ContentType string
	Encoding    string // Content-Encoding; "" for none
	Size        int    // bytes of the body on the wire
	Begun       time.Time
	Ended       time.Time // zero while it is being handled
	Status      int       // of the response; 0 without one, because the connection was cut or the client gave up
	Items       int       // decoded spans, data points or log records
	Spans       int       // decoded spans
	Kept        int       // items kept
	Outcome     string    // in words: "kept", "refused with 503", "client gave up", …
}

// exchange is one request being handled. It belongs to the goroutine of its handler.
type exchange struct {
	r     *Receiver
	conn  net.Conn // nil on a foreign server
	req   *http.Request
	rec   Request
	fault Fault
}

// answer is the end of an exchange.
type answer struct {
	status  int // 0: none, the connection ends
	headers map[string]string
	body    []byte
	outcome string
	keep    *batch // nil: refused
}

// ServeHTTP handles one OTLP request.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	x, ok := r.begin(req)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	defer r.serving.Done()
	a := x.handle()
	x.end(a)
	if a.status == 0 {
		if x.conn != nil {
			r.cut(x.conn)
		}
		panic(http.ErrAbortHandler) // makes net/http end the connection without an answer
	}
	for name, value := range a.headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client may be gone
}

// begin records the arrival of req; it reports false once the receiver is closed.
func (r *Receiver) begin(req *http.Request) (*exchange, bool) {
	conn, id := r.connOf(req)
	x := &exchange{r: r, conn: conn, req: req, rec: Request{
		Connection:  id,
		Path:        req.URL.Path,
		Signal:      signalOf(req.URL.Path),
		Header:      withoutSecrets(req.Header),
		ContentType: req.Header.Get("Content-Type"),
		Encoding:    req.Header.Get("Content-Encoding"),
		Begun:       time.Now(),
	}}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, false
	}
	r.serving.Add(1)
	r.begun++
	x.rec.Number = r.begun
	x.fault = r.takeFault(x.rec.Signal)
	r.requests = append(r.requests, x.rec)
	r.log(eventlog.Event{Kind: KindExportBegun, Who: id, At: x.rec.Begun, Detail: "request " + strconv.Itoa(x.rec.Number)})
	return x, true
}

// end records a, and keeps its items.
func (x *exchange) end(a answer) {
	x.rec.Ended = time.Now()
	x.rec.Status, x.rec.Outcome = a.status, a.outcome
	event := eventlog.Event{
		Kind: KindExportRefused, Who: x.rec.Connection, At: x.rec.Ended, Duration: x.rec.Ended.Sub(x.rec.Begun),
		Count: x.rec.Items, Detail: fmt.Sprintf("request %d: %s", x.rec.Number, a.outcome),
	}
	if a.keep != nil {
		a.keep.arrive(x.rec.Ended, x.rec.Number)
		x.rec.Kept = a.keep.size()
		event.Kind, event.Count = KindExportDone, x.rec.Kept
	}
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	at, _ := slices.BinarySearchFunc(x.r.requests, x.rec.Number, func(r Request, n int) int { return r.Number - n })
	x.r.requests[at] = x.rec // present: Drain leaves requests under way
	if a.keep != nil {
		x.r.keep(*a.keep)
	}
	x.r.log(event)
}

// handle runs the stages of the request.
func (x *exchange) handle() answer {
	if x.fault.Cut == BeforeRead {
		return answer{outcome: "connection cut before the body was read"}
	}
	if a, ok := x.check(); !ok {
		return a
	}
	data, a, ok := x.read()
	if !ok {
		return a
	}
	if outcome := x.wait(); outcome != "" {
		return answer{outcome: outcome}
	}
	b, err := decodeBatch(x.rec.Signal, data, x.isJSON())
	x.rec.Items, x.rec.Spans = b.size(), len(b.spans)
	switch {
	case err != nil:
		return x.refuse(http.StatusBadRequest, err.Error())
	case x.fault.Cut == BeforeStore:
		return answer{outcome: "connection cut before the items were kept"}
	case x.fault.Status != 0:
		return x.refuse(x.fault.Status, x.fault.Message)
	default:
		return x.accept(b)
	}
}

// check refuses a request whose headers are not those of an OTLP request.
func (x *exchange) check() (answer, bool) {
	switch {
	case x.rec.Signal == "":
		return x.refuse(http.StatusNotFound, "no such path; use /v1/traces, /v1/metrics or /v1/logs"), false
	case x.req.Method != http.MethodPost:
		return x.refuse(http.StatusMethodNotAllowed, "use POST"), false
	case !x.isJSON() && mediaType(x.rec.ContentType) != protobufType:
		return x.refuse(http.StatusUnsupportedMediaType, "Content-Type is neither "+protobufType+" nor "+jsonType), false
	case x.rec.Encoding != "" && x.rec.Encoding != "identity" && x.rec.Encoding != "gzip":
		return x.refuse(http.StatusUnsupportedMediaType, "Content-Encoding is neither gzip nor identity"), false
	}
	return answer{}, true
}

// read returns the request's body, decompressed.
func (x *exchange) read() (data []byte, a answer, ok bool) {
	wire, err := readBounded(x.req.Body, x.r.cfg.MaxBody)
	x.rec.Size = len(wire)
	if err == nil {
		data, err = decompress(wire, x.rec.Encoding, x.r.cfg.MaxBody)
	}
	switch {
	case err == nil:
		return data, answer{}, true
	case isTooLarge(err):
		return nil, x.refuse(http.StatusRequestEntityTooLarge, err.Error()), false
	default:
		return nil, x.refuse(http.StatusBadRequest, err.Error()), false
	}
}

// wait delays and hangs the request. An error means that the request ends without an answer.
func (x *exchange) wait() string {
	if x.fault.Delay > 0 {
		timer := time.NewTimer(x.fault.Delay)
		defer timer.Stop()
		if outcome := waitFor(x, timer.C); outcome != "" {
			return outcome
		}
	}
	if x.fault.Hang {
		x.r.mu.Lock()
		release := x.r.release
		x.r.mu.Unlock()
		return waitFor(x, release)
	}
	return ""
}

func waitFor[T any](x *exchange, c <-chan T) (outcome string) {
	select {
	case <-c:
		return ""
	case <-x.r.done:
		return "receiver closed"
	case <-x.req.Context().Done():
		if x.r.wasCut(x.conn) {
			return "connection cut"
		}
		return "client gave up"
	}
}

func (x *exchange) isJSON() bool { return mediaType(x.rec.ContentType) == jsonType }
