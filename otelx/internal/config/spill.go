package config

import (
	"io"
	"os"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/spill"
)

const (
	spillKey      = "EPILOGUE_SPILL"
	spillBytesKey = "EPILOGUE_SPILL_MAX_BYTES"
)

// spill resolves where undelivered items are written, and how many bytes.
func (r *resolver) spill(c *Config) {
	c.Spill = r.spillWriter()
	c.SpillBytes = choose(r.options.SpillBytes, r.number(spillBytesKey, 1, otelenv.MaxInt), r.preset.SpillBytes, spill.DefaultMaxBytes)
}

// spillWriter returns the first of option, EPILOGUE_SPILL and preset; nil for nowhere.
func (r *resolver) spillWriter() io.Writer {
	variable := r.env.Choice([]string{"none", "stderr"}, "", spillKey)
	switch {
	case r.options.Spill != nil:
		return r.options.Spill
	case variable == "stderr":
		return os.Stderr
	case variable == "none":
		return nil
	}
	return r.preset.Spill
}
