package otelx_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The contract tests state what a user of otelx can rely on. They use New, the SDK's public methods and an OTLP receiver,
// and assert outcomes and bounds. They know nothing about the inside, so any implementation must pass them unchanged.
//
// Each file has one topic.

// ms is the unit of most bounds.
const ms = time.Millisecond

// fixture is one SDK and its backend in virtual time, on a network in memory.
type fixture struct {
	*testing.T
	sdk     *otelx.SDK
	backend *otlpreceiver.Receiver
	network *lambdatest.Network
}

// contract runs test against an SDK with opts. Background export is off, as the agent has it between invocations. The SDK
// is shut down and the backend closed when test returns.
func contract(t *testing.T, test func(f *fixture), opts ...otelx.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{T: t, network: new(lambdatest.Network)}
		f.listen()
		f.open(opts...)
		defer f.close()
		f.sdk.SetBackgroundExport(false)
		test(f)
	})
}

// open makes the SDK. Its dialer is the network's unless opts say otherwise.
func (f *fixture) open(opts ...otelx.Option) {
	f.Helper()
	common := []otelx.Option{
		otelx.WithEndpoint("http://collector.test:4318/v1/traces"), otelx.WithDialer(f.network.DialContext), environ(),
	}
	var err error
	if f.sdk, err = newSDK(f.T, append(common, opts...)...); err != nil {
		f.Fatal(err)
	}
}

// listen starts a backend at the address that the SDK sends to.
func (f *fixture) listen() {
	f.Helper()
	listener, err := f.network.Listen("collector.test:4318")
	if err != nil {
		f.Fatal(err)
	}
	f.backend = otlpreceiver.New(otlpreceiver.Config{})
	if err := f.backend.Serve(listener); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) close() {
	ctx, cancel := context.WithTimeout(context.Background(), ms)
	defer cancel()
	_ = f.sdk.Shutdown(ctx)
	if err := f.backend.Close(); err != nil {
		f.Error(err)
	}
	time.Sleep(time.Second) // net/http's server waits for half a second after a body that it has not read
}

// end starts and ends a span for each name.
func (f *fixture) end(names ...string) {
	for _, name := range names {
		span(f.sdk, name)
	}
}

// outcome is what a call returned, and after how long.
type outcome struct {
	err  error
	took time.Duration
}

// within makes call with a context of so much time; none if it is 0.
func (f *fixture) within(timeout time.Duration, call func(context.Context) error) outcome {
	ctx, cancel := f.Context(), context.CancelFunc(func() {})
	if timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, timeout)
	}
	defer cancel()
	begin := time.Now()
	err := call(ctx)
	return outcome{err, time.Since(begin)}
}

func (f *fixture) flush(timeout time.Duration) outcome { return f.within(timeout, f.sdk.ForceFlush) }

func (f *fixture) shutdown(timeout time.Duration) outcome { return f.within(timeout, f.sdk.Shutdown) }

// async makes the call in a goroutine of its own and returns when everything waits.
func async(call func() outcome) <-chan outcome {
	done := make(chan outcome, 1)
	go func() { done <- call() }()
	synctest.Wait()
	return done
}

// mustFlush fails the test unless a flush delivers everything within most.
func (f *fixture) mustFlush(timeout, most time.Duration) {
	f.Helper()
	if o := f.flush(timeout); o.err != nil || o.took > most {
		f.Errorf("ForceFlush: %v after %v, want nil within %v", o.err, o.took, most)
	}
}

// fails makes the backend answer all requests with fault, until works is called.
func (f *fixture) fails(fault otlpreceiver.Fault) { f.backend.SetFault(fault) }

// works ends what fails began, also for the requests that hang.
func (f *fixture) works() {
	synctest.Wait() // a request whose client gave up before this moment must not be kept
	f.backend.SetFault(otlpreceiver.Fault{})
	f.backend.Unblock()
}

// requests returns how many requests have begun, and how many of them have no answer yet.
func (f *fixture) requests() (begun, open int) {
	synctest.Wait()
	for _, r := range f.backend.Requests() {
		begun++
		if r.Ended.IsZero() {
			open++
		}
	}
	return begun, open
}

func (f *fixture) wantRequests(want int) {
	f.Helper()
	if begun, _ := f.requests(); begun != want {
		f.Errorf("%d requests, want %d: %+v", begun, want, outcomes(f.backend.Requests()))
	}
}

func outcomes(requests []otlpreceiver.Request) (list []string) {
	for _, r := range requests {
		list = append(list, r.Outcome)
	}
	return list
}

// delivered returns the names of the spans that the backend has kept, each as often as it came, sorted.
func (f *fixture) delivered() []string {
	synctest.Wait()
	var names []string
	for _, s := range f.backend.Spans() {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return names
}

// wantDelivered compares the spans that have arrived with want, a list of names separated by spaces, in any order.
func (f *fixture) wantDelivered(want string) {
	f.Helper()
	names := strings.Fields(want)
	slices.Sort(names)
	if got := f.delivered(); !slices.Equal(got, names) {
		f.Errorf("delivered %q, want %q", got, names)
	}
}

// request returns the names of the spans that request number n brought, in their order.
func (f *fixture) request(n int) (names []string) {
	for _, s := range f.backend.Spans() {
		if s.Request == n {
			names = append(names, s.Name)
		}
	}
	return names
}

// wantCounts compares the SDK's counts, which must add up.
func (f *fixture) wantCounts(want spanCounts) {
	f.Helper()
	got := f.counts()
	if got != want {
		f.Errorf("counts %+v, want %+v", got, want)
	}
	if !got.addUp() {
		f.Errorf("counts do not add up: %+v", got)
	}
	signals := f.sdk.Counts()
	if len(signals) != 1 || signals[0].Name != "traces" {
		f.Fatalf("Counts: %+v, want those of traces", signals)
	}
	c := signals[0]
	if c.Ended != want.ended || c.Exported != want.exported || c.Pending != want.pending || c.Dropped != want.dropped.Total() {
		f.Errorf("Counts: %+v, want %+v", c, want)
	}
	var reasons int64
	for _, n := range c.Reasons {
		reasons += n
	}
	if reasons != c.Dropped {
		f.Errorf("Counts: the reasons %v sum to %d, want %d", c.Reasons, reasons, c.Dropped)
	}
}

// dropped returns the DropError in err; nil if there is none.
func dropped(err error) *otelx.DropError {
	var drop *otelx.DropError
	if errors.As(err, &drop) {
		return drop
	}
	return nil
}

// withQueue bounds the queue and its batches.
func withQueue(bound, batch int) otelx.Option {
	return otelx.Options(otelx.WithMaxQueueSize(bound), otelx.WithMaxExportBatchSize(batch))
}

// spanCounts are the delivery counts of spans.
type spanCounts struct {
	ended, exported, pending, spilled int64
	dropped                           otelx.Dropped
}

func (c spanCounts) addUp() bool {
	return c.ended == c.exported+c.pending+c.spilled+c.dropped.Total()
}

func (f *fixture) counts() spanCounts {
	st := f.sdk.Stats()
	return spanCounts{st.Ended, st.Exported, st.Pending, st.Spilled, st.Dropped}
}

// environ makes an environment of "KEY=value" words.
func environ(vars ...string) otelx.Option {
	return otelx.WithGetenv(func(key string) string {
		for _, v := range vars {
			if value, ok := strings.CutPrefix(v, key+"="); ok {
				return value
			}
		}
		return ""
	})
}

// newSDK calls New and puts the globals back after the test.
func newSDK(t *testing.T, opts ...otelx.Option) (*otelx.SDK, error) {
	t.Helper()
	provider, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	t.Cleanup(func() {
		otel.SetTracerProvider(provider)
		otel.SetTextMapPropagator(propagator)
	})
	s, err := otelx.New(t.Context(), opts...)
	if s == nil {
		t.Fatal("New returned no SDK")
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = s.Shutdown(ctx)
	})
	return s, err
}

func span(s *otelx.SDK, name string) {
	_, sp := s.TracerProvider().Tracer("test").Start(context.Background(), name)
	sp.End()
}

// exported ends one span and returns it as the exporter gets it.
func exported(t *testing.T, opts ...otelx.Option) (tracetest.SpanStub, error) {
	t.Helper()
	x := tracetest.NewInMemoryExporter()
	s, err := newSDK(t, append(opts, otelx.WithExporter(x))...)
	span(s, "a")
	if ferr := s.ForceFlush(t.Context()); ferr != nil {
		t.Fatal(ferr)
	}
	return x.GetSpans()[0], err
}
