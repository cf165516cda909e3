package local

import (
	"testing"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

func TestParentOfAnotherProcessIsToldByFlagsOrElseByKind(t *testing.T) {
	for _, c := range []struct {
		flags uint32
		kind  string
		want  bool
	}{
		{0x301, "internal", true}, {0x101, "server", false}, {0x1, "server", true}, {0, "consumer", true}, {0x1, "internal", false},
	} {
		if got := hasRemoteParent(otlpreceiver.Span{Flags: c.flags, Kind: c.kind}); got != c.want {
			t.Errorf("flags %#x, kind %s: got %t, want %t", c.flags, c.kind, got, c.want)
		}
	}
}
