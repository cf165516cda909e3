package handler

import (
	"os"
	"time"

	"github.com/epilogue-go/epilogue/internal/procstart"
)

// Process is what Wrap needs to know of the process it is called in. A zero field means the real thing, so the zero
// Process is the process itself; tests and emulated environments fill in their own. See [WithProcess]. Lambda's trace header
// is not among it: where the context has none it is the real environment's, in which aws-lambda-go puts it.
type Process struct {
	// Getenv reads an environment variable: the platform's AWS_*. Default os.Getenv.
	Getenv func(key string) string

	// Began is when the process was started. Default: what Linux says of it, to within 10 ms; elsewhere, and where that
	// can not be, when its packages were initialised.
	Began time.Time
}

// getenv is Getenv or its default.
func (p Process) getenv(key string) string {
	if p.Getenv == nil {
		return os.Getenv(key)
	}
	return p.Getenv(key)
}

// began is Began or its default, which is zero where the clock is a virtual one.
func (p Process) began() time.Time {
	if p.Began.IsZero() {
		return procstart.Began()
	}
	return p.Began
}

// WithProcess lets a process other than this one be described: an emulated one, in memory. Default: this process.
func WithProcess(p Process) Option {
	return optionFunc(func(c *config) { c.process = p })
}
