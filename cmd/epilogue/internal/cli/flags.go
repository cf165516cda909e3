package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"time"
)

// NewFlags returns an empty set that neither prints nor exits; Parse prints.
func NewFlags(name string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	return fs
}

// Parse reads args into fs. If they ask for help it prints text and the flags, and returns flag.ErrHelp.
func Parse(fs *flag.FlagSet, args []string, out io.Writer, text string) error {
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, text)
		fs.SetOutput(out)
		fs.PrintDefaults()
		return err
	case err != nil:
		return Usagef("%v; epilogue %s --help lists the flags", err, fs.Name())
	}
	return nil
}

// Duration defines a flag that accepts Go durations between least and most.
func Duration(fs *flag.FlagSet, p *time.Duration, name string, value, least, most time.Duration, help string) {
	*p = value
	if value != 0 {
		help += fmt.Sprintf(" (default %s)", value)
	}
	fs.Func(name, help, func(text string) error {
		d, err := time.ParseDuration(text)
		if err != nil || d < least || d > most {
			return fmt.Errorf("want a duration from %s to %s, such as 1500ms or 3s", least, most)
		}
		*p = d
		return nil
	})
}

// Number defines a flag that accepts whole numbers between least and most.
func Number(fs *flag.FlagSet, p *int, name string, value, least, most int, help string) {
	*p = value
	if value != 0 {
		help += fmt.Sprintf(" (default %d)", value)
	}
	fs.Func(name, help, func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return fmt.Errorf("want a whole number from %d to %d", least, most)
		}
		*p = n
		return nil
	})
}
