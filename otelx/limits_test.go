package otelx_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

// A request that is refused for its size is halved even if no request may be large.
func TestSmallRequestsAreSplit(t *testing.T) {
	o := &sender{largest: 8 << 10}
	contract(t, func(f *fixture) {
		f.endLarge(slices.Repeat([]int{1}, 20)...)
		f.mustFlush(time.Second, 0)
		f.wantCounts(spanCounts{ended: 20, exported: 20})
	}, config.WithSender(o), otelx.WithMaxRequestSize(48<<10))
}

func TestLimits(t *testing.T) {
	o := new(sender)
	contract(t, func(f *fixture) {
		f.endLarge(1, 1, 1, 1, 1, 1, 19, 19, 21, 1)
		o := f.flush(time.Second)
		if o.err == nil || !strings.Contains(o.err.Error(), `span "large" exceeds 20480 bytes`) {
			f.Errorf("ForceFlush: %v", o.err)
		}
		f.wantCounts(spanCounts{ended: 10, exported: 9, dropped: otelx.Dropped{TooLarge: 1}})
	}, config.WithSender(o), otelx.WithMaxRequestSize(60<<10),
		config.WithLimits(config.Limits{RequestBytes: 40 << 10, RequestItems: 5}),
		config.WithLimits(config.Limits{ItemBytes: 20 << 10}),
		otelx.Fallback(config.WithLimits(config.Limits{RequestBytes: 1, RequestItems: 1, ItemBytes: 1})))
	if most := slices.Max(o.sizes); most > 40<<10 || len(o.sizes) < 3 || len(o.sizes) > 6 {
		t.Errorf("requests of %v bytes, want a few of at most 40 KiB", o.sizes)
	}
}

// A limit inside Fallback counts if no option sets the same one.
func TestLimitsInsideFallback(t *testing.T) {
	o := new(sender)
	contract(t, func(f *fixture) {
		f.endLarge(1, 1, 1, 3)
		if d := dropped(f.flush(time.Second).err); d == nil || d.Dropped != (otelx.Dropped{TooLarge: 1}) {
			f.Errorf("DropError %+v, want one span too large", d)
		}
	}, config.WithSender(o), config.WithLimits(config.Limits{ItemBytes: 2 << 10}),
		otelx.Fallback(config.WithLimits(config.Limits{RequestItems: 1, ItemBytes: 1 << 20})))
	if len(o.sizes) != 3 {
		t.Errorf("%d requests, want one for each span", len(o.sizes))
	}
}

// A bad request size changes nothing.
func TestMaxRequestSizeOutOfRange(t *testing.T) {
	for _, size := range []int{-1, 16<<10 - 1, 64<<20 + 1} {
		_, err := newSDK(t, environ(), otelx.WithMaxRequestSize(size))
		if want := fmt.Sprintf("WithMaxRequestSize(%d): give 16384 to 67108864 bytes", size); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want %s", err, want)
		}
	}
}
