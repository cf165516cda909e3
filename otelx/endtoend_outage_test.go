package otelx_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/otelx"
)

func TestEndToEndRetryAfter(t *testing.T) {
	c := &collector{script: []func(http.ResponseWriter){status(http.StatusTooManyRequests, "Retry-After", "2")}}
	inBubble(t, c, nil, func(t *testing.T, s *otelx.SDK) {
		span(s, "a")
		begin := time.Now()
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Errorf("ForceFlush: %v", err)
		}
		if took := time.Since(begin).Round(time.Second); took != 2*time.Second {
			t.Errorf("took %v, want the 2 s that the backend asked for", took)
		}
	})
}

func TestEndToEndRefusal(t *testing.T) {
	c := &collector{script: []func(http.ResponseWriter){status(http.StatusBadRequest)}}
	inBubble(t, c, nil, func(t *testing.T, s *otelx.SDK) {
		span(s, "a")
		var drop *otelx.DropError
		if err := s.ForceFlush(t.Context()); !errors.As(err, &drop) || drop.Dropped.Refused != 1 || !strings.Contains(err.Error(), "400") {
			t.Errorf("ForceFlush: %v", err)
		}
		if n, _ := c.got(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestEndToEndHangingBackendCostsTheBudgetAndNoSpan(t *testing.T) {
	c := &collector{}
	inBubble(t, c, nil, func(t *testing.T, s *otelx.SDK) {
		hang := make(chan struct{}) // of the bubble, or time would stand still
		c.hang = hang
		span(s, "a")
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := s.ForceFlush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ForceFlush: %v", err)
		}
		if took := time.Since(begin); took != 300*time.Millisecond {
			t.Errorf("took %v", took)
		}
		synctest.Wait() // the request has been given up
		c.mu.Lock()
		c.hang, c.spans = nil, nil
		c.mu.Unlock()
		close(hang)
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Errorf("the next flush: %v", err)
		}
		if _, spans := c.got(); spans != "a" {
			t.Errorf("spans %q", spans)
		}
	})
}

func TestUnreachableBackendKeepsSpans(t *testing.T) {
	s, err := newSDK(t, environ(), otelx.WithDialer(func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("connection refused")
	}))
	if err != nil {
		t.Fatal(err)
	}
	s.SetBackgroundExport(false)
	span(s, "a")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err = s.ForceFlush(ctx)
	if err == nil || !strings.Contains(err.Error(), "connection refused") || !strings.Contains(err.Error(), "1 ") {
		t.Errorf("ForceFlush: %v", err)
	}
	if got := s.Stats(); got.Pending != 1 {
		t.Errorf("Stats() = %+v", got)
	}
}
