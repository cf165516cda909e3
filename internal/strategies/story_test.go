package strategies

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

const (
	period           = 10 * time.Second // the strategies' default
	handlerTime      = 5 * time.Millisecond
	collectorAddress = "collector:4318"
	collectorTime    = 10 * time.Millisecond // until it has answered a request
	idleTime         = 6 * time.Minute       // from the last invocation to the end of the environment
)

// figures are what a story comes to.
type figures struct {
	invocations   int
	flushes, idle int             // before the shutdown: made, and skipped as nothing waited
	billed, after time.Duration   // all of it, and of it what came after the responses
	waits         []time.Duration // of the spans that arrived before the shutdown, from end to arrival, sorted
	waiting       int             // the most spans that waited in a freeze
	left          int             // spans that arrived in the shutdown
	ended, lost   int             // spans
	late          int             // spans that waited for more than the period though ends came half of it apart
}

// tell has one strategy serve the arrivals. env is added to the function's environment.
func tell(t *testing.T, strategy string, a arrivals, env ...string) (f figures) {
	synctest.Test(t, func(t *testing.T) { f = story(t, strategy, a, env) })
	return f
}

func story(t *testing.T, strategy string, a arrivals, variables []string) (f figures) {
	log, network, fn := new(eventlog.Log), new(lambdatest.Network), &function{takes: handlerTime}
	receiver := collector(t, log, network)
	defer func() { _ = receiver.Close() }()
	env, err := lambdatest.New(lambdatest.Config{
		Log: log, Network: network, Order: lambdatest.OrderInvokeFirst, OrderGap: time.Millisecond,
		Env: append(variables, "EPILOGUE_FLUSH_STRATEGY="+strategy, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+collectorAddress),
	}, lambdatest.Func(fn.main))
	if err != nil {
		t.Fatal(err)
	}
	ends := f.serve(t, env, fn, a.times, log)
	before := receiver.Spans()
	time.Sleep(idleTime)
	if exit, err := env.Shutdown(t.Context()); err != nil || exit.Code != 0 {
		t.Errorf("%s: shutdown: %+v, %v", strategy, exit, err)
	}
	f.account(fn, before, receiver, ends)
	if err := env.Close(); err != nil {
		t.Error(err)
	}
	return f
}

// collector listens in the network and takes its time.
func collector(t *testing.T, log *eventlog.Log, network *lambdatest.Network) *otlpreceiver.Receiver {
	receiver := otlpreceiver.New(otlpreceiver.Config{Log: log})
	receiver.SetFault(otlpreceiver.Fault{Delay: collectorTime})
	listener, err := network.Listen(collectorAddress)
	if err == nil {
		err = receiver.Serve(listener)
	}
	if err != nil {
		t.Fatal(err)
	}
	return receiver
}

// account enters what has become of the spans, of which those in before arrived before the shutdown.
func (f *figures) account(fn *function, before []otlpreceiver.Span, receiver *otlpreceiver.Receiver, ends []time.Time) {
	tel, _ := fn.stats()
	arrived := len(receiver.Spans())
	f.ended = int(tel.Ended)
	f.lost = f.ended - (arrived - receiver.Duplicates())
	f.left = arrived - len(before)
	for _, s := range before {
		wait := s.Arrived.Sub(s.End)
		f.waits = append(f.waits, wait)
		if wait > period+collectorTime && densely(ends, s.End, s.Arrived, period/2) {
			f.late++
		}
	}
	slices.Sort(f.waits)
}

// serve makes the invocations and returns when their phases ended. The log is forgotten as it goes.
func (f *figures) serve(t *testing.T, env *lambdatest.Environment, fn *function, times []time.Duration, log *eventlog.Log) (ends []time.Time) {
	began := time.Now()
	for _, at := range times {
		time.Sleep(time.Until(began.Add(at)))
		mark := log.Add(eventlog.Event{Kind: "strategies.step"}).Seq
		resp, err := env.Invoke(t.Context(), lambdatest.Invocation{})
		if err == nil {
			err = env.WaitIdle(t.Context())
		}
		if err != nil || resp.FunctionError != "" {
			t.Fatalf("invocation %d: %s, %v", f.invocations, resp.Payload, err)
		}
		synctest.Wait()
		for _, r := range lambdatest.Invocations(log.Since(mark)) {
			f.after += r.AfterResponse
			f.billed += r.Billed
			ends = append(ends, r.Posted)
		}
		f.invocations++
		tel, _ := fn.stats()
		f.waiting = max(f.waiting, int(tel.Pending))
		log.Trim(mark)
	}
	_, ag := fn.stats()
	f.flushes, f.idle = int(ag.Flushes), int(ag.EmptyFlushesSkipped)
	return ends
}

// densely reports whether invocations have ended at most reach apart between from and to.
func densely(ends []time.Time, from, to time.Time, reach time.Duration) bool {
	last := from
	for _, end := range ends {
		if end.Before(from) {
			continue
		}
		if end.Sub(last) > reach {
			return false
		}
		if last = end; !end.Before(to) {
			break
		}
	}
	return true
}
