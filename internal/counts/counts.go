// Package counts defines the delivery counts of one signal. The telemetry SDK reports them and the agent logs them, so
// neither has to import the other.
package counts

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

	// Breaker is the state of the circuit breaker: BreakerClosed, BreakerOpen or BreakerHalfOpen. It is empty if the
	// signal has none.
	Breaker string `json:"breaker,omitempty"`
}

// The states of a circuit breaker.
const (
	BreakerClosed   = "closed"
	BreakerOpen     = "open"
	BreakerHalfOpen = "half-open"
)

// BackendDown reports whether the breaker says that the backend is down, or was at the last flush.
func (s Signal) BackendDown() bool { return s.Breaker != "" && s.Breaker != BreakerClosed }

// Undelivered is the number of items that no backend has accepted and that are not superseded.
func (s Signal) Undelivered() int64 { return s.Pending + s.Dropped + s.Spilled }
