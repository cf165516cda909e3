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

// withDefaults returns p with the real thing in every zero field. Began stays zero where the clock is a virtual one.
func (p Process) withDefaults() Process {
	if p.Getenv == nil {
		p.Getenv = os.Getenv
	}
	if p.Began.IsZero() {
		p.Began = procstart.Began()
	}
	return p
}

// WithProcess lets a process other than this one be described: an emulated one, in memory. Default: this process.
func WithProcess(p Process) Option {
	return optionFunc(func(c *config) { c.process = p })
}
