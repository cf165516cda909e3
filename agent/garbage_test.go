package agent

import "testing"

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
