package harness

import (
	"encoding/json"
	"os"
	"runtime"
	"strings"

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

// ShutdownLine is the agent's last log line, with the counts of each signal of the process.
type ShutdownLine struct {
	Message string `json:"msg"`
	Traces  Counts `json:"traces"`
	Metrics Counts `json:"metrics"`
	Logs    Counts `json:"logs"`
}

// Counts are the counts of a signal as the agent logs them.
type Counts struct {
	Ended      int64 `json:"ended"`
	Exported   int64 `json:"exported"`
	Pending    int64 `json:"pending"`
	Spilled    int64 `json:"spilled"`
	Superseded int64 `json:"superseded"`
	Dropped    int64 `json:"dropped"`
	Repeated   int64 `json:"repeated"` // not part of the sum

	// Of Dropped.
	QueueFull int64 `json:"dropped_queue_full"`
	Refused   int64 `json:"dropped_refused"`
	Rejected  int64 `json:"dropped_rejected"`
}

// shutdownCompleted is how the message of the last line begins.
const shutdownCompleted = "graceful shutdown completed"

// ParseShutdownLine reads a line of the function's standard error. ok is false for any other line.
func ParseShutdownLine(text string) (line ShutdownLine, ok bool) {
	if !strings.Contains(text, shutdownCompleted) || json.Unmarshal([]byte(text), &line) != nil {
		return line, false
	}
	return line, true
}

// AddsUp reports whether each item that has ended is in one of the other counts.
func (l ShutdownLine) AddsUp() bool {
	for _, n := range []Counts{l.Traces, l.Metrics, l.Logs} {
		if n.Ended != n.Exported+n.Pending+n.Dropped+n.Spilled+n.Superseded {
			return false
		}
	}
	return true
}
