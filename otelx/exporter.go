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
	// defaultRequestBytes bounds an encoded request before compression. AWS X-Ray takes 5 MB (AWS X-Ray Developer Guide,
	// "Use the OTLP endpoint"), an OpenTelemetry Collector 20 MiB by default. Below leastRequestBytes most spans would
	// need a request each, and of mostRequestBytes hardly any backend takes one.
	defaultRequestBytes = 4 << 20
	leastRequestBytes   = 16 << 10
	mostRequestBytes    = 64 << 20
	// minSplitBytes is the size from which a request refused for its size is tried in smaller ones; where no request may
	// be much larger, it is an eighth of the largest. A backend that takes none of 64 KiB is not made for spans, and would
	// be sent them one by one.
	minSplitBytes = 64 << 10
	// keepBytes is how much memory for requests is kept until the next ones, all together: a request of the default size,
	// and the spans in it while it is encoded, would else need eight MiB anew at each flush.
	keepBytes = 12 << 20
	// maxRequests is how many OTLP requests are under way at once, and maxFullRequests how many if they are as large as
	// they may be. With few spans there are few batches: it takes 16,384 in batches of 512, the specification's default,
	// to make 32.
	maxRequests     = 32
	maxFullRequests = 8
	// keepEncodings is for how many requests at once memory is kept until the next ones.
	keepEncodings = 8
)

// exporter makes single attempts at delivery. Who calls it decides about another.
type exporter interface {
	// export tries to deliver spans, or as many from the first as make one request. It returns soon after ctx has
	// ended.
	export(ctx context.Context, spans []sdktrace.ReadOnlySpan) outcome
	// width is how many goroutines may be in export at once.
	width() int
	// close is called once, with no export under way and none to come.
	close(ctx context.Context) error
}

// verdict is what becomes of spans after an attempt.
type verdict int

const (
	accepted verdict = iota // delivered, but for those rejected
	refused                 // the backend will never take them
	tooLarge                // no request can hold the span
	retry                   // not delivered; another attempt may succeed
	keep                    // not delivered; another attempt is for the next flush
)

// outcome is what came of an attempt.
type outcome struct {
	n          int // the first n spans are what this is about; at least 1
	verdict    verdict
	rejected   int64         // of n accepted
	retryAfter time.Duration // how long the backend wants to be left alone; 0 if it did not say
	unsent     bool          // it was decided without a request
	later      bool          // of retry: another attempt in the same flush would fail too
	hint       *userHint     // what the user has to know, beyond err; nil: nothing
	err        error         // why not delivered; what the backend said about an accepted request
}

// final reports whether the spans are done with: the backend has answered, and not that it can not just now.
func (o outcome) final() bool { return o.verdict != retry && o.verdict != keep }

// otlpExporter is encoder and sender. Where the backend refuses a request for its size, it sends the same spans in
// smaller ones, and makes no larger ones from then on.
type otlpExporter struct {
	sender sender
	most   int // bytes of a request at the beginning
	limits Limits
	cargo  cargo
	desks  chan struct{} // holds a token for each encode under way

	mu       sync.Mutex
	limit    int // bytes of a request now, at most what it was at the beginning
	idle     []*encoding
	encoders []*otlp.Encoder // of nobody, one for each desk at most
	kept     int             // bytes in idle and encoders
}

// encoding is one request, and the memory for it. It belongs to one export at a time.
type encoding struct {
	body      []byte
	described int // bytes that a resource and one of its scopes have in it at most
}

// newOTLPExporter returns an exporter whose requests have at most so many bytes.
func newOTLPExporter(s sender, most int) *otlpExporter {
	return &otlpExporter{
		sender: s, most: most, limit: most, cargo: cargo{most: maxFullRequests * most},
		desks: make(chan struct{}, max(runtime.GOMAXPROCS(0)-1, 1)),
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
		if size := len(e.body); size < held { // from here on no attempt is larger
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

// encode encodes as many of spans as limit holds. A span that is larger goes alone if it may: backends differ in what
// they count, so only the answer can say that it is too large.
//
// It waits for its turn, which the oldest spans mostly have first, until ctx ends. One CPU is left to what has been
// encoded: on a small function's share of it a large backlog is not encoded before the process is killed, and the first
// request would else leave after the last is ready.
func (x *otlpExporter) encode(ctx context.Context, e *encoding, spans []sdktrace.ReadOnlySpan, limit int) (n int, err error) {
	select {
	case x.desks <- struct{}{}:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	defer func() { <-x.desks }()
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
