// Package counts defines the delivery counts of one signal. The telemetry SDK reports them and the agent logs them, so
// neither has to import the other.
package counts

// Signal counts the items of one signal: spans, log records or data points.
//
// At every moment Ended = Exported + Pending + Dropped + Spilled + Superseded.
type Signal struct {
	Name string // "traces", "metrics" or "logs"

	Ended      int64 // items that the program has handed over
	Exported   int64 // items that a backend has accepted
	Pending    int64 // items that wait or are being sent
	Dropped    int64 // items that are lost
	Spilled    int64 // undelivered items written to standard error, for replay
	Superseded int64 // cumulative data points that a later collection has replaced
}
