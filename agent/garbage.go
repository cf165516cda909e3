package agent

import (
	"runtime"
	gc "runtime/debug"
	"strconv"
)

// putOffGC keeps the garbage collector from beginning again in a process that ends within the second, as long as it has
// memory to spare: on the share of the CPU that a small function has, a cycle costs about a fifth of what the shutdown's
// window holds. It waits for a cycle under way. memoryMB is AWS_LAMBDA_FUNCTION_MEMORY_SIZE.
func putOffGC(memoryMB string) {
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

// spareMemory returns up to which size Go's memory may grow before it is collected again, in a function with that much
// memory of which so much is in use, and whether that is far enough away.
func spareMemory(memory, inUse int64) (limit int64, ok bool) {
	limit = memory / 4 * 3
	return limit, inUse <= limit/2
}
