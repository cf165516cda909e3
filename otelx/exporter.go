package otelx

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/otlp"
	"github.com/epilogue-go/epilogue/internal/otlphttp"
)

const (
	// defaultRequestBytes bounds an encoded request before compression. AWS X-Ray accepts 5 MB (AWS X-Ray Developer Guide, "Use
	// the OTLP endpoint"), an OpenTelemetry Collector 20 MiB by default. Below leastRequestBytes most spans would need a request
	// each, and hardly any backend accepts mostRequestBytes.
	defaultRequestBytes = 4 << 20
	leastRequestBytes   = 16 << 10
	mostRequestBytes    = 64 << 20
	// minSplitBytes is the smallest request that is split after a refusal for its size, or an eighth of the largest request if that
	// is less. A backend that refuses 64 KiB would get the spans one by one.
	minSplitBytes = 64 << 10
	// keepBytes is how much memory for requests is kept in all. Without it, a request of the default size and its encoder would
	// allocate 8 MiB at each flush.
	keepBytes = 12 << 20
	// maxRequests is how many OTLP requests are under way at once, and maxFullRequests how many of the largest size. 32 requests need
	// 16,384 spans in batches of 512, the specification's default.
	maxRequests     = 32
	maxFullRequests = 8
	// keepEncodings is how many requests' memory is kept.
	keepEncodings = 8
)

// exporter makes single attempts at delivery. Its caller decides about another attempt.
type exporter interface {
	// export tries to deliver a prefix of spans in one request. It returns soon after ctx has ended.
	export(ctx context.Context, spans []sdktrace.ReadOnlySpan) outcome
	// width is how many goroutines may be in export at once.
	width() int
	// close is called once, after the last export.
	close(ctx context.Context) error
}

// verdict is the disposition of spans after an attempt.
type verdict int

const (
	accepted verdict = iota // delivered, but for those rejected
	refused                 // the backend will never take them
	tooLarge                // no request can hold the span
	retry                   // not delivered; another attempt may succeed
	keep                    // not delivered; another attempt is for the next flush
)

// outcome describes an attempt.
type outcome struct {
	n          int // it is about the first n spans; at least 1
	verdict    verdict
	rejected   int64         // of n accepted
	retryAfter time.Duration // how long the backend asked to wait; 0 if it did not ask
	unsent     bool          // it was decided without a request
	later      bool          // of retry: another attempt in the same flush would fail too
	hint       *userHint     // nil: none
	err        error         // why not delivered; what the backend said about an accepted request
}

// final reports whether the outcome is permanent (delivered or rejected) rather than retryable.
func (o outcome) final() bool { return o.verdict != retry && o.verdict != keep }

// otlpExporter joins encoder and sender. If the backend refuses a request for its size, it sends the spans in smaller requests and
// makes no larger ones from then on.
type otlpExporter struct {
	sender sender
	most   int // bytes of a request at the beginning
	limits Limits
	cargo  cargo
	slots  chan struct{} // holds a token for each encode under way

	mu       sync.Mutex
	limit    int // bytes of a request now, at most what it was at the beginning
	idle     []*encoding
	encoders []*otlp.Encoder // idle, at most one for each slot
	kept     int             // bytes in idle and encoders
}

// encoding is one request, and the memory for it. It belongs to one export at a time.
type encoding struct {
	body      []byte
	described int // bytes that a resource and one of its scopes have in it at most
}

// newOTLPExporter returns an exporter whose requests have at most most bytes.
func newOTLPExporter(s sender, most int) *otlpExporter {
	return &otlpExporter{
		sender: s, most: most, limit: most, cargo: cargo{most: maxFullRequests * most},
		slots: make(chan struct{}, max(runtime.GOMAXPROCS(0)-1, 1)),
	}
}

func (*otlpExporter) width() int { return maxRequests }

func (x *otlpExporter) close(context.Context) error { return x.sender.Close() }

func (x *otlpExporter) export(ctx context.Context, spans []sdktrace.ReadOnlySpan) outcome {
	if !x.cargo.load(ctx, x.most) {
		return outcome{n: len(spans), verdict: retry, unsent: true, err: context.Cause(ctx)}
	}
	held := x.most
	defer func() { x.cargo.unload(held) }()
	e, limit := x.acquire()
	defer x.give(e)
	for {
		n, err := x.encode(ctx, e, spans, limit)
		if err != nil {
			return outcome{n: len(spans), verdict: retry, unsent: true, err: err}
		}
		if size := len(e.body); size < held { // no later attempt is larger
			x.cargo.unload(held - size)
			held = size
		}
		if n == 0 {
			err := fmt.Errorf("span %q exceeds %d bytes", spans[0].Name(), capped(x.most, x.limits.SpanBytes))
			return outcome{n: 1, verdict: tooLarge, unsent: true, err: err}
		}
		res, err := x.sender.Send(ctx, e.body)
		switch {
		case err == nil:
			o := acceptance(n, res)
			o.hint = x.limits.review(e.described)
			return o
		case res.Outcome == otlphttp.Retryable || res.Outcome == otlphttp.RetryNextFlush || ctx.Err() != nil:
			return outcome{
				n: n, verdict: retry, retryAfter: res.RetryAfter, later: res.Outcome == otlphttp.RetryNextFlush,
				err: err, hint: explained(res, err),
			}
		case res.Outcome == otlphttp.TooLarge && n == 1:
			return outcome{n: 1, verdict: tooLarge, err: fmt.Errorf("span %q: %w", spans[0].Name(), err)}
		case res.Outcome != otlphttp.TooLarge || len(e.body) < min(minSplitBytes, x.most/8):
			return x.refusal(e, n, res, err)
		}
		limit = x.lower(len(e.body) / 2)
	}
}

// encode encodes the longest prefix of spans that fits in limit. A larger span goes alone if the largest request holds it: backends
// count sizes differently, so only the response can say that it is too large.
//
// It waits for a slot until ctx ends. One CPU has no slot and sends encoded requests: on a small function a large backlog is not
// encoded before the process is killed, and otherwise the first request would leave after the last one is encoded.
func (x *otlpExporter) encode(ctx context.Context, e *encoding, spans []sdktrace.ReadOnlySpan, limit int) (n int, err error) {
	select {
	case x.slots <- struct{}{}:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	defer func() { <-x.slots }()
	encoder := x.takeEncoder()
	defer x.putEncoder(encoder)
	e.body, n = encoder.AppendRequest(e.body[:0], spans, limit)
	if n == 0 && limit < x.most {
		e.body, n = encoder.AppendRequest(e.body[:0], spans[:1], x.most)
	}
	e.described = encoder.ResourceBytes()
	return n, nil
}

// takeEncoder returns an encoder of the pool or a new one.
func (x *otlpExporter) takeEncoder() *otlp.Encoder {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := len(x.encoders) - 1
	if n < 0 {
		return &otlp.Encoder{MaxSpan: x.limits.SpanBytes}
	}
	encoder := x.encoders[n]
	x.encoders = x.encoders[:n]
	x.kept -= encoder.Memory()
	return encoder
}

// putEncoder returns an encoder to the pool, unless the pool would keep too much memory.
func (x *otlpExporter) putEncoder(encoder *otlp.Encoder) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.kept+encoder.Memory() <= keepBytes {
		x.encoders = append(x.encoders, encoder)
		x.kept += encoder.Memory()
	}
}

// refusal returns the outcome of a request that the backend will never accept.
func (x *otlpExporter) refusal(e *encoding, n int, res otlphttp.Result, err error) outcome {
	o := outcome{n: n, verdict: refused, err: err, hint: x.limits.review(e.described)}
	if o.hint == nil {
		o.hint = explained(res, err)
	}
	return o
}

// explained returns the backend's hint about err; nil if there is none.
func explained(res otlphttp.Result, err error) *userHint {
	if res.Hint == "" {
		return nil
	}
	return &userHint{key: res.HintKey, err: fmt.Errorf("%w; %s", err, res.Hint)}
}

// lower makes limit the most that requests have from now on, if they had more, and returns what they have.
func (x *otlpExporter) lower(limit int) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.limit = min(x.limit, limit)
	return x.limit
}

func acceptance(n int, res otlphttp.Result) outcome {
	o := outcome{n: n, rejected: min(max(res.Rejected, 0), int64(n))}
	switch {
	case o.rejected > 0:
		o.err = fmt.Errorf("the backend rejected %d of %d spans: %q", o.rejected, n, res.Message)
	case res.Message != "":
		o.err = fmt.Errorf("the backend accepted %d spans and said: %q", n, res.Message)
	}
	return o
}

func (x *otlpExporter) acquire() (e *encoding, limit int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n := len(x.idle); n > 0 {
		e = x.idle[n-1]
		x.idle = x.idle[:n-1]
		x.kept -= cap(e.body)
		return e, x.limit
	}
	return &encoding{}, x.limit
}

// give takes e back, but for memory beyond what is kept.
func (x *otlpExporter) give(e *encoding) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.kept+cap(e.body) > keepBytes {
		e.body = nil
	}
	if len(x.idle) < keepEncodings {
		x.idle = append(x.idle, e)
		x.kept += cap(e.body)
	}
}

// customExporter adapts an sdktrace.SpanExporter. It may not be called concurrently and retries by itself
// (OpenTelemetry Specification, "Span Exporter").
type customExporter struct{ sdktrace.SpanExporter }

func (customExporter) width() int { return 1 }

func (x customExporter) close(ctx context.Context) error { return x.Shutdown(ctx) }

func (x customExporter) export(ctx context.Context, spans []sdktrace.ReadOnlySpan) outcome {
	if err := x.ExportSpans(ctx, spans); err != nil {
		return outcome{n: len(spans), verdict: keep, err: err}
	}
	return outcome{n: len(spans)}
}

// export sends the result of x.export to answers. A panic of the program's code, or runtime.Goexit, is a refusal: the spans
// that caused it would cause it again.
func export(ctx context.Context, x exporter, spans []sdktrace.ReadOnlySpan, answers chan<- outcome) {
	o, err := bounded.Call(context.WithoutCancel(ctx), 0, func(context.Context) (outcome, error) { return x.export(ctx, spans), nil })
	if err != nil {
		o = outcome{n: len(spans), verdict: refused, err: fmt.Errorf("exporter %w", err)}
	}
	answers <- o
}
