package otlphttp

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(t, config{Timeout: 3 * time.Second}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		begun := time.Now()
		res, err := b.sender.Send(t.Context(), []byte("spans"))
		if took := time.Since(begun); took != 3*time.Second || res.Outcome != delivery.Retryable || !errors.Is(err, context.DeadlineExceeded) ||
			!strings.Contains(err.Error(), "no answer within 3s") {
			t.Errorf("after %v: %+v, %v", took, res, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun = time.Now()
		res, err = b.sender.Send(ctx, []byte("spans"))
		if took := time.Since(begun); took != time.Second || res.Outcome != delivery.Retryable || !errors.Is(err, context.DeadlineExceeded) ||
			strings.Contains(err.Error(), "within") {
			t.Errorf("after %v: %+v, %v", took, res, err)
		}
	})
}

func TestSendUnderADoneContext(t *testing.T) {
	b := newBackend(t, config{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if res, err := b.sender.Send(ctx, []byte("spans")); !errors.Is(err, context.Canceled) || res.Outcome != delivery.Retryable {
		t.Errorf("got %+v, %v", res, err)
	}
}
