package agent

import (
	"runtime/metrics"
	"testing"
)

// An emulated process shares its garbage collector with other processes.
func TestGCIsNotHeldOffIfExitMayReturn(t *testing.T) {
	percent := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(percent)
	before := percent[0].Value.Uint64()
	Process{Exit: func(int) {}}.withDefaults().holdOffGC("1024")
	if metrics.Read(percent); percent[0].Value.Uint64() != before {
		t.Errorf("GOGC is %d, was %d", percent[0].Value.Uint64(), before)
	}
}

func TestSpareMemory(t *testing.T) {
	const mb = 1 << 20
	for _, tt := range []struct {
		memory, inUse, limit int64
		ok                   bool
	}{
		{128 * mb, 12 * mb, 96 * mb, true},
		{128 * mb, 48 * mb, 96 * mb, true},
		{128 * mb, 49 * mb, 96 * mb, false}, // which leaves little room, and a limit that is near costs more than it saves
		{10240 * mb, 300 * mb, 7680 * mb, true},
	} {
		limit, ok := spareMemory(tt.memory, tt.inUse)
		if limit != tt.limit || ok != tt.ok {
			t.Errorf("spareMemory(%d, %d) = %d, %t", tt.memory, tt.inUse, limit, ok)
		}
	}
}
