package main

import (
	"os"

	"github.com/epilogue-go/epilogue/internal/report"
)

// styleOf returns the style for file: colours on a terminal, unless the environment disables them.
func styleOf(file *os.File) report.Style {
	info, err := file.Stat()
	return report.StyleFor(err == nil && info.Mode()&os.ModeCharDevice != 0, os.Getenv)
}
