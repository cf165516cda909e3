// Package clocktest makes times for tests of code that must work across a freeze. Depending on the hypervisor, only one of
// the two clocks in a time.Time advances in a frozen environment.
package clocktest

import (
	"testing"
	"time"
	"unsafe"
)

// Moved returns what the clocks show if they read at and then advance differently: the wall clock by whole seconds. It
// relies on the form in which package time stores both clocks in one value, and fails the test if that has changed.
func Moved(t testing.TB, at time.Time, wall, mono time.Duration) time.Time {
	t.Helper()
	type clocks struct {
		wall uint64 // seconds from bit 30 on
		mono int64  // nanoseconds
		_    *time.Location
	}
	moved := at
	c := (*clocks)(unsafe.Pointer(&moved))   //nolint:gosec // checked below
	c.wall += uint64(wall/time.Second) << 30 //nolint:gosec // a negative one wraps around, as it should
	c.mono += int64(mono)
	if moved.Sub(at) != mono || moved.Round(0).Sub(at.Round(0)) != wall {
		t.Fatalf("the clocks moved by %v and %v, want %v and %v", moved.Round(0).Sub(at.Round(0)), moved.Sub(at), wall, mono)
	}
	return moved
}
