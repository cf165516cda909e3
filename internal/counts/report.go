package counts

import (
	"encoding/json"
	"fmt"
	"os"
)

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
