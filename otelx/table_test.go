package otelx

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// numbered is an open span that only has an identity.
type numbered struct {
	sdktrace.ReadWriteSpan
	n uint64
}

func (numbered) StartTime() time.Time { return time.Time{} }

// TestTableAgreesWithAMap adds and removes at random, with ids that count and ids that do not, and compares with a map.
func TestTableAgreesWithAMap(t *testing.T) {
	for _, bound := range []int{1, 3, 100, 1000} {
		rng := rand.New(rand.NewPCG(uint64(bound), 1))
		o := newOpenSpans(bound)
		want := map[uint64]bool{}
		for range 20000 {
			n := rng.Uint64N(uint64(bound)) + 1
			if rng.IntN(2) == 0 {
				n <<= 48
			}
			var id trace.SpanID
			binary.BigEndian.PutUint64(id[:], n)
			if rng.IntN(2) == 0 {
				o.remove(id)
				delete(want, n)
				continue
			}
			if sh := o.shard(hashOf(id)); sh.used < o.each {
				want[n] = true
			}
			o.add(id, numbered{n: n})
		}
		got := map[uint64]bool{}
		for _, s := range o.list() {
			got[s.(numbered).n] = true
		}
		if len(got) != len(want) || len(o.list()) != len(got) || len(got) > bound {
			t.Errorf("bound %d: %d spans in the table, %d distinct, want %d", bound, len(o.list()), len(got), len(want))
		}
		for n := range want {
			if !got[n] {
				t.Errorf("bound %d: %d is missing", bound, n)
			}
		}
	}
}
