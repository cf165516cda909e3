package agent

import (
	"runtime"
	gc "runtime/debug"
	"strconv"
)

// holdOffGC keeps the garbage collector from starting in a process that exits within a second, if there is memory to
// spare: on a small function's share of the CPU a cycle costs about a fifth of the shutdown window. It waits for a cycle
// that is under way. memoryMB is AWS_LAMBDA_FUNCTION_MEMORY_SIZE.
func holdOffGC(memoryMB string) {
	mb, err := strconv.ParseUint(memoryMB, 10, 31)
	if err != nil {
		return
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	limit, ok := spareMemory(int64(mb)<<20, int64(m.Sys-m.HeapReleased)) //nolint:gosec // of 31 bits, and of a process
	if !ok {
		return
	}
	if limit < gc.SetMemoryLimit(-1) {
		gc.SetMemoryLimit(limit)
	}
	gc.SetGCPercent(-1)
}

// spareMemory returns the size to which Go's memory may grow before the next collection, in a function with that much
// memory, and whether at most half of that is in use.
func spareMemory(memory, inUse int64) (limit int64, ok bool) {
	limit = memory / 4 * 3
	return limit, inUse <= limit/2
}
