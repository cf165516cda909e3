package run

import (
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/cli"
)

// FuzzFlags reads any command line of run: it is refused as a matter of usage, in one line, or gives settings in their
// bounds.
func FuzzFlags(f *testing.F) {
	for _, seed := range []string{
		"-- ./bootstrap", "-n\x005\x00-freeze\x001s\x00-cut\x00./f", "-env\x00A=b\x00-env\x00=\x00./f", "-seed\x00-1", "-timeout\x0016m\x00./f",
		"-memory=64\x00./f", "-otlp=maybe", "-otlp=false\x00-trace\x00./f", "--help", "-concurrency\x003\x00-freeze\x001ms\x00f", "-window\x000\x00f", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		set, err := parseRun(strings.Split(line, "\x00"), io.Discard)
		var wrong *cli.UsageError
		switch {
		case errors.Is(err, flag.ErrHelp):
		case err != nil && !errors.As(err, &wrong):
			t.Errorf("%q: error %v (%T) is not one of usage", line, err, err)
		case err == nil && (len(set.command) == 0 || set.count < 1 || set.count > 1000 || set.timeout < time.Millisecond || set.timeout > 15*time.Minute ||
			set.memory < 128 || set.memory > 10240 || set.freeze < 0 || set.freeze > time.Hour || set.window <= 0 || set.window > time.Minute):
			t.Errorf("%q gives %+v", line, set)
		}
	})
}
