package xray

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/otelx"
)

// reader is a daemon that takes a millisecond for a full datagram, and a kernel that drops datagrams beyond its buffer.
type reader struct {
	behind, lost int
	last         time.Time
}

func (r *reader) receive(bytes int, at time.Time) {
	r.behind = max(0, r.behind-int(at.Sub(r.last)*maxDatagram/datagramTime))
	r.last = at
	if r.behind+bytes > 3*maxDatagram {
		r.lost++
		return
	}
	r.behind += bytes
}

// TestAllArrivesInTheShutdownWindow: 10,000 spans leave within what a function has after SIGTERM, and no faster than a
// daemon reads.
func TestAllArrivesInTheShutdownWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(socket)
		sdk := mustSDK(t, nil, s.options(), otelx.WithMaxQueueSize(16_384), otelx.WithMaxExportBatchSize(2048))
		end(sdk, "span", 10_000, 300)
		const window = 450 * time.Millisecond // of 500, with a margin
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), window)
		defer cancel()
		began := time.Now()
		if err := sdk.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		wantAccount(t, sdk, otelx.Stats{Ended: 10_000, Exported: 10_000})
		took, r, spans := time.Since(began), reader{last: began}, 0
		for i, datagram := range s.datagrams {
			r.receive(len(datagram), s.at[i])
			spans += len(decoded(t, datagram))
		}
		t.Logf("%d datagrams in %s", len(s.datagrams), took)
		if spans != 10_000 || r.lost > 0 || took >= window {
			t.Errorf("%d spans in %s; %d of %d datagrams lost", spans, took, r.lost, len(s.datagrams))
		}
		if least := time.Duration(len(s.datagrams)-3) * datagramTime * 9 / 10; took < least {
			t.Errorf("%d datagrams in %s: faster than they are read", len(s.datagrams), took)
		}
	})
}

// A flush whose time is up keeps its unsent spans.
func TestWhatThePaceHoldsBackIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(socket)
		sdk := mustSDK(t, nil, s.options())
		end(sdk, "span", 1000, 1000)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Millisecond)
		defer cancel()
		if err := sdk.ForceFlush(ctx); err == nil {
			t.Error("no error")
		}
		first := sdk.Stats()
		if first.Exported == 0 || first.Pending == 0 || first.Exported+first.Pending != 1000 {
			t.Errorf("%+v", first)
		}
		time.Sleep(time.Hour) // frozen; nothing leaves
		if n := len(s.datagrams); sdk.Stats().Exported != first.Exported || n > 13 {
			t.Errorf("%d datagrams, %+v", n, sdk.Stats())
		}
		if err := sdk.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
		wantAccount(t, sdk, otelx.Stats{Ended: 1000, Exported: 1000})
		if s.dials != 1 {
			t.Errorf("%d sockets", s.dials)
		}
	})
}
