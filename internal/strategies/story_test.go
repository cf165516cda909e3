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
	collectorAddress = "collector:4318"
	collectorTime    = 10 * time.Millisecond // until it has answered a request
	idleTime         = 6 * time.Minute       // from the last invocation to the end of the environment
)

// figures are what a story comes to.
type figures struct {
	invocations int
	flushes     int             // before the shutdown
	after       time.Duration   // the response: what the flushes have been billed
	billed      time.Duration   // all of it
	waits       []time.Duration // of the spans that arrived before the shutdown, sorted: from end to arrival
	atRisk      int             // the most spans that waited while the environment was frozen
	left        int             // spans that arrived in the shutdown
	ended, lost int             // spans
	late        int             // spans that waited longer than the period, with no gap to blame
}

// tell has one strategy serve the arrivals.
func tell(t *testing.T, strategy string, period time.Duration, a arrivals) (f figures) {
	synctest.Test(t, func(t *testing.T) { f = story(t, strategy, period, a) })
	return f
}

func story(t *testing.T, strategy string, period time.Duration, a arrivals) (f figures) {
	log, network, fn := new(eventlog.Log), new(lambdatest.Network), new(function)
	receiver := otlpreceiver.New(otlpreceiver.Config{Log: log})
	defer func() { _ = receiver.Close() }()
	listener, err := network.Listen(collectorAddress)
	if err != nil {
		t.Fatal(err)
	}
	if err := receiver.Serve(listener); err != nil {
		t.Fatal(err)
	}
	receiver.SetFault(otlpreceiver.Fault{Delay: collectorTime})
	env, err := lambdatest.New(lambdatest.Config{
		Log: log, Network: network, Order: lambdatest.OrderInvokeFirst, OrderGap: time.Millisecond,
		Env: []string{"EPILOGUE_FLUSH_STRATEGY=" + strategy, "OTEL_EXPORTER_OTLP_ENDPOINT=http://" + collectorAddress},
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
	spans := receiver.Spans()
	told, _ := fn.stats()
	f.ended, f.lost, f.left = int(told.Ended), int(told.Ended)-len(spans)+receiver.Duplicates(), len(spans)-len(before)
	for _, s := range before {
		wait := s.Arrived.Sub(s.End)
		f.waits = append(f.waits, wait)
		if wait > period+collectorTime && densely(ends, s.End, s.Arrived, period/2) {
			f.late++
		}
	}
	slices.Sort(f.waits)
	if err := env.Close(); err != nil {
		t.Error(err)
	}
	return f
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
		f.atRisk = max(f.atRisk, int(tel.Pending))
		log.Forget(mark)
	}
	_, ag := fn.stats()
	f.flushes = int(ag.Flushes)
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
