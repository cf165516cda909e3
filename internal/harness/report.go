package harness

import (
	"encoding/json"
	"os"
	"runtime"
	"strings"

	"github.com/epilogue-go/epilogue/internal/counts"
	"github.com/epilogue-go/epilogue/otelx"
)

// Report is what the command "report" answers: what a process says about itself. Heap is measured after a collection.
type Report struct {
	PID        int         `json:"pid"`
	Goroutines int         `json:"goroutines"`
	Heap       uint64      `json:"heap"`
	Stats      otelx.Stats `json:"stats"`
}

func (f *Function) report() Report {
	runtime.GC()
	runtime.GC() // frees what the first has found in pools
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return Report{PID: os.Getpid(), Goroutines: runtime.NumGoroutine(), Heap: memory.HeapAlloc, Stats: f.SDK.Stats()}
}

// ShutdownLine is the agent's last log line, with the counts of all spans of the process.
type ShutdownLine struct {
	Message string
	Counts  counts.Signal // of traces
}

// shutdownCompleted is how the message of the last line begins.
const shutdownCompleted = "graceful shutdown completed"

// ParseShutdownLine reads a line of the function's standard error. ok is false for any other line.
func ParseShutdownLine(text string) (line ShutdownLine, ok bool) {
	var fields struct {
		Message string          `json:"msg"`
		Traces  json.RawMessage `json:"traces"`
	}
	if !strings.Contains(text, shutdownCompleted) || json.Unmarshal([]byte(text), &fields) != nil {
		return line, false
	}
	line.Message = fields.Message
	var numbers map[string]int64
	if json.Unmarshal(fields.Traces, &line.Counts) != nil || json.Unmarshal(fields.Traces, &numbers) != nil {
		return line, false
	}
	for key, n := range numbers {
		if reason, ok := strings.CutPrefix(key, "dropped_"); ok {
			if line.Counts.Reasons == nil {
				line.Counts.Reasons = make(map[string]int64)
			}
			line.Counts.Reasons[reason] = n
		}
	}
	return line, true
}

// AddsUp reports whether each span that has ended is in one of the other counts.
func (l ShutdownLine) AddsUp() bool {
	n := l.Counts
	return n.Ended == n.Exported+n.Pending+n.Dropped+n.Spilled+n.Superseded
}
