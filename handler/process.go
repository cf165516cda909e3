package handler

import (
	"os"
	"time"

	"github.com/epilogue-go/epilogue/internal/procstart"
)

// Process is the process in which Wrap is called. A zero field means the real one, so the zero Process is the process
// itself. Tests and emulated environments set the fields; see [WithProcess]. Lambda's trace header is not among them:
// if the context has none, it comes from the real environment, in which aws-lambda-go puts it.
type Process struct {
	// Getenv reads an environment variable: the platform's AWS_*. Default os.Getenv.
	Getenv func(key string) string

	// Began is the start of the process. Default: the time that Linux tells, to within 10 ms, or else the
	// initialization of the packages.
	Began time.Time
}

// getenv is Getenv or its default.
func (p Process) getenv(key string) string {
	if p.Getenv == nil {
		return os.Getenv(key)
	}
	return p.Getenv(key)
}

// began is Began or its default, which is zero if the clock is virtual.
func (p Process) began() time.Time {
	if p.Began.IsZero() {
		return procstart.Began()
	}
	return p.Began
}

// WithProcess replaces the process, for one that is emulated in memory. Default: this process.
func WithProcess(p Process) Option {
	return optionFunc(func(c *config) { c.process = p })
}
