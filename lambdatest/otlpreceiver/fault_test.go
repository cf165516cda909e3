package otlpreceiver_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

func TestRefuses(t *testing.T) {
	s := newSetup(t, otlpreceiver.Config{})
	s.SetFault(otlpreceiver.Fault{Status: 503, RetryAfter: "7", Message: "busy"})
	got := s.post(t.Context(), body(t, 1, 2))
	want := protowire.AppendString(protowire.AppendTag(nil, 2, protowire.BytesType), "busy")
	if got.status != 503 || got.header.Get("Retry-After") != "7" || string(got.body) != string(want) {
		t.Errorf("answer %+v", got)
	}
	if req := s.Requests()[0]; req.Spans != 2 || req.Kept != 0 || req.Outcome != "refused with 503: busy" || len(s.Spans()) != 0 {
		t.Errorf("request %+v, %d spans kept", req, len(s.Spans()))
	}
	last := s.log.Events()[2]
	if last.Kind != otlpreceiver.KindExportRefused || last.Count != 2 || last.Detail != "request 1: refused with 503: busy" {
		t.Errorf("logged %v", last)
	}
	s.SetFault(otlpreceiver.Fault{})
	if got := s.post(t.Context(), body(t, 1, 2)); got.status != 200 {
		t.Errorf("with the fault gone: answer %+v", got)
	}
}

func TestNextIsUsedUpInOrder(t *testing.T) {
	s := newSetup(t, otlpreceiver.Config{})
	s.SetFault(otlpreceiver.Fault{Status: 500})
	s.FailNext(otlpreceiver.Fault{Status: 429}, otlpreceiver.Fault{})
	s.FailNext(otlpreceiver.Fault{Malformed: true})
	for i, want := range []int{429, 200, 200, 500, 500} {
		if got := s.post(t.Context(), body(t, byte(i))); got.status != want {
			t.Errorf("request %d: %d, want %d", i+1, got.status, want)
		}
	}
	if n := len(s.Spans()); n != 2 {
		t.Errorf("%d spans kept, want 2", n)
	}
}

func TestFaultChangesTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t, otlpreceiver.Config{})
		s.FailNext(otlpreceiver.Fault{Status: 307, Location: "http://other.test/"}, otlpreceiver.Fault{Malformed: true}, otlpreceiver.Fault{Delay: time.Minute})
		if got := s.post(t.Context(), body(t, 1)); got.status != 307 || got.header.Get("Location") != "http://other.test/" {
			t.Errorf("redirected: answer %+v", got)
		}
		got := s.post(t.Context(), body(t, 1))
		if _, _, n := protowire.ConsumeField(got.body); n >= 0 || got.status != 200 || len(s.Spans()) != 1 {
			t.Errorf("malformed: answer %+v, %d spans kept", got, len(s.Spans()))
		}
		begun := time.Now()
		if got := s.post(t.Context(), body(t, 1)); got.status != 200 || time.Since(begun) != time.Minute {
			t.Errorf("delayed: status %d after %v", got.status, time.Since(begun))
		}
		if all := s.log.Events(); all[len(all)-1].Duration != time.Minute {
			t.Errorf("logged %v", all[len(all)-1])
		}
	})
}

func TestHangsUntilReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t, otlpreceiver.Config{})
		s.FailNext(otlpreceiver.Fault{Hang: true}, otlpreceiver.Fault{Hang: true, Status: 500})
		var wg sync.WaitGroup
		got := make([]int, 2)
		for i := range got {
			wg.Go(func() { got[i] = s.post(t.Context(), body(t, byte(i))).status })
		}
		synctest.Wait()
		if n := len(s.Requests()); n != 2 || len(s.Spans()) != 0 || !s.Requests()[0].Ended.IsZero() {
			t.Errorf("%d requests, %d spans before Unblock", n, len(s.Spans()))
		}
		s.Unblock()
		wg.Wait()
		if got[0]+got[1] != 700 || len(s.Spans()) != 1 {
			t.Errorf("statuses %v, %d spans kept", got, len(s.Spans()))
		}
	})
}

func TestHangEndsWithTheClientOrWithClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t, otlpreceiver.Config{})
		s.SetFault(otlpreceiver.Fault{Delay: time.Hour, Hang: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if got := s.post(ctx, body(t, 1)); !errors.Is(got.err, context.DeadlineExceeded) {
			t.Errorf("answer %+v", got)
		}
		synctest.Wait()
		if req := s.Requests()[0]; req.Outcome != "client gave up" || req.Status != 0 || len(s.Spans()) != 0 {
			t.Errorf("request %+v, %d spans kept", req, len(s.Spans()))
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if got := s.post(t.Context(), body(t, 1)); got.err == nil {
				t.Errorf("answer %+v", got)
			}
		})
		synctest.Wait()
		begun := time.Now()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if took := time.Since(begun); took != 0 {
			t.Errorf("Close took %v", took)
		}
	})
}

func TestCutsAtEachStage(t *testing.T) {
	for stage, kept := range map[otlpreceiver.Stage]int{
		otlpreceiver.BeforeRead: 0, otlpreceiver.BeforeStore: 0, otlpreceiver.AfterStore: 1,
	} {
		t.Run(fmt.Sprint(stage), func(t *testing.T) {
			s := newSetup(t, otlpreceiver.Config{})
			s.FailNext(otlpreceiver.Fault{Cut: stage})
			if got := s.post(t.Context(), body(t, 1)); got.err == nil {
				t.Errorf("answer %+v", got)
			}
			if n := len(s.Spans()); n != kept {
				t.Errorf("%d spans kept, want %d", n, kept)
			}
			if got := s.post(t.Context(), body(t, 2)); got.status != 200 || s.Requests()[1].Connection != "conn-2" {
				t.Errorf("next request: %+v on %s", got, s.Requests()[1].Connection)
			}
			if s.log.Events()[3].Kind != otlpreceiver.KindConnectionCut {
				t.Errorf("log:\n%s", s.log)
			}
		})
	}
}

func TestCutConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t, otlpreceiver.Config{})
		s.post(t.Context(), body(t, 1)) // leaves an idle connection
		s.SetFault(otlpreceiver.Fault{Hang: true})
		var wg sync.WaitGroup
		for i := range 2 { // the first takes the idle one
			wg.Go(func() { s.post(t.Context(), body(t, byte(i+2))) })
		}
		synctest.Wait()
		if n := s.CutConnections(); n != 2 {
			t.Errorf("cut %d connections, want 2", n)
		}
		wg.Wait()
		synctest.Wait()
		for _, req := range s.Requests()[1:] {
			if req.Outcome != "connection cut" || req.Status != 0 {
				t.Errorf("request %+v", req)
			}
		}
		if n := s.CutConnections(); n != 0 || len(s.Spans()) != 1 {
			t.Errorf("cut %d more, %d spans kept", n, len(s.Spans()))
		}
	})
}
