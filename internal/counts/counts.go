// Package counts defines the delivery counts of one signal. The telemetry SDK reports them and the agent logs them, so
// neither has to import the other.
package counts

import (
	"encoding/json"
	"fmt"
	"os"
)

// Signal counts the items of one signal: spans, log records or data points.
//
// At every moment Ended = Exported + Pending + Dropped + Spilled + Superseded.
type Signal struct {
	Name string `json:"name"` // "traces", "metrics" or "logs"

	Open       int64 `json:"open"`       // spans that have started and not ended
	Ended      int64 `json:"ended"`      // items that the program has handed over
	Exported   int64 `json:"exported"`   // items that a backend has accepted
	Pending    int64 `json:"pending"`    // items that wait or are being sent
	Dropped    int64 `json:"dropped"`    // items that are lost
	Spilled    int64 `json:"spilled"`    // undelivered items written to standard error, for replay
	Superseded int64 `json:"superseded"` // cumulative data points that a later collection has replaced
	Repeated   int64 `json:"repeated"`   // items that a backend may have once more; not part of the sum

	// Reasons divides Dropped by reason, such as "queue_full". It is nil if nothing was dropped.
	Reasons map[string]int64 `json:"reasons,omitempty"`

	// Breaker is the state of the circuit breaker: "closed", "open" or "half-open". It is empty if the signal has none.
	Breaker string `json:"breaker,omitempty"`
}

// BackendDown reports whether the breaker says that the backend is down, or was at the last flush.
func (s Signal) BackendDown() bool { return s.Breaker != "" && s.Breaker != "closed" }

// Undelivered is the number of items that no backend has accepted and that are not superseded.
func (s Signal) Undelivered() int64 { return s.Pending + s.Dropped + s.Spilled }

// ReportVariable names the file that the agent writes its [ShutdownReport] to. It is unset in the cloud; the local
// Lambda of the epilogue command sets it.
const ReportVariable = "EPILOGUE_SHUTDOWN_REPORT"

// ShutdownReport is the JSON object that the agent writes when it has flushed for the last time.
type ShutdownReport struct {
	Signals []Signal `json:"signals"`
}

// Write writes the report to the file at path, which it creates or replaces.
func (r ShutdownReport) Write(path string) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode shutdown report: %w", err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("write shutdown report: %w", err)
	}
	return nil
}
