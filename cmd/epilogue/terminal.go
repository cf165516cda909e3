package main

import (
	"io"
	"os"

	"github.com/epilogue-go/epilogue/internal/report"
)

// styleOf returns the style for w: colours on a terminal, unless the environment says otherwise.
func styleOf(w io.Writer) report.Style {
	terminal := false
	if file, ok := w.(*os.File); ok {
		info, err := file.Stat()
		terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return report.StyleFor(terminal, os.Getenv)
}
