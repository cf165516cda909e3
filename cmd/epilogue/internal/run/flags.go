package run

import (
	"errors"
	"flag"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/cli"
)

// settings are the flags of run.
type settings struct {
	events      []string
	count       int
	concurrency int // 0: not on Managed Instances
	timeout     time.Duration
	memory      int
	name        string
	freeze      time.Duration
	window      time.Duration
	env         []string
	otlp        bool
	xray        bool
	cut         bool
	seed        uint64
	trace       bool
	verbose     bool
	command     []string
}

const runUsage = `epilogue run [flags] -- ./bootstrap [arguments]

Runs a Lambda function's binary in a local Lambda: Runtime API, Extensions API, freeze after each
invocation, thaw, at the end SIGTERM and, after a window, SIGKILL. Shows for each invocation when
the response was posted, when the flush began and ended, when the environment froze, and the
billed time.
The function's environment holds what Lambda gives it and what -env adds, nothing of yours.

`

// parseRun reads the command line of run.
func parseRun(args []string, out io.Writer) (settings, error) {
	var set settings
	fs := cli.NewFlags("run")
	set.defineEvents(fs)
	set.defineFunction(fs)
	otlp := set.defineReport(fs)
	if err := cli.Parse(fs, args, out, runUsage); err != nil {
		return set, err
	}
	set.command = fs.Args()
	set.otlp = !set.sendsElsewhere()
	if *otlp != nil {
		set.otlp = **otlp
	}
	if set.xray && *otlp != nil && set.otlp {
		return set, cli.Usagef("-xray and -otlp name two receivers for the same telemetry; leave one of them out")
	}
	return set, set.check()
}

// defineEvents defines the flags about the events and their times.
func (set *settings) defineEvents(fs *flag.FlagSet) {
	fs.Func("event", "send the JSON in `FILE`, - for standard input; repeat it for several events (default {})", appendTo(&set.events))
	cli.Number(fs, &set.count, "n", 1, 1, 1000, "send each event `N` times")
	cli.Number(fs, &set.concurrency, "concurrency", 0, 1, 1000, "be Lambda Managed Instances: `N` invocations at once in one process, no freezes")
	cli.Duration(fs, &set.freeze, "freeze", 0, 0, time.Hour, "stay frozen for this `DURATION` between invocations")
	fs.BoolVar(&set.cut, "cut", false, "cut the receiver's connections in every freeze, as real networks do")
	fs.Func("seed", "choose the order in which the runtime and the extension get an invocation, a `NUMBER`", func(v string) (err error) {
		if set.seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			return errors.New("want a whole number from 0")
		}
		return nil
	})
}

// defineFunction defines the flags for the settings that the function has in Lambda.
func (set *settings) defineFunction(fs *flag.FlagSet) {
	fs.StringVar(&set.name, "name", "", "the function's `NAME` (default: the binary's)")
	cli.Duration(fs, &set.timeout, "timeout", 3*time.Second, time.Millisecond, 15*time.Minute, "the function's timeout, a `DURATION`")
	cli.Number(fs, &set.memory, "memory", 128, 128, 10240, "the function's memory size in `MB`, as its environment tells it; no limit is set")
	cli.Duration(fs, &set.window, "window", 500*time.Millisecond, time.Millisecond, time.Minute, "the `DURATION` between SIGTERM and SIGKILL")
	fs.Func("env", "add `KEY=VALUE` to the function's environment; KEY alone: with its value here; repeatable", func(v string) error {
		kv, err := variable(v)
		set.env = append(set.env, kv)
		return err
	})
}

// variable returns v, KEY=VALUE, or the KEY=VALUE of this process if v is a key alone.
func variable(v string) (string, error) {
	key, _, whole := strings.Cut(v, "=")
	value, isSet := os.LookupEnv(key)
	switch {
	case key == "":
		return "", errors.New("want KEY=VALUE or KEY")
	case whole:
		return v, nil
	case !isSet:
		return "", errors.New("no such variable is set here; want KEY=VALUE")
	default:
		return key + "=" + value, nil
	}
}

// defineReport defines the flags about the receiver and the output. The value of -otlp is nil if it is not given.
func (set *settings) defineReport(fs *flag.FlagSet) (otlp **bool) {
	otlp = new(*bool)
	fs.BoolFunc("otlp", "receive the telemetry here (default unless -env names an endpoint or exporter)", func(v string) error {
		on, err := strconv.ParseBool(v)
		if err != nil {
			return errors.New("want true or false")
		}
		*otlp = &on
		return nil
	})
	fs.BoolVar(&set.xray, "xray", false, "receive the telemetry here as Lambda's X-Ray daemon alone, with no OTLP endpoint set")
	fs.BoolVar(&set.trace, "trace", false, "show each trace as a tree")
	fs.BoolVar(&set.verbose, "v", false, "show what the function writes")
	return otlp
}

// sendsElsewhere reports whether the function's own settings select a destination for its traces.
func (set *settings) sendsElsewhere() bool {
	return slices.ContainsFunc(set.env, func(kv string) bool {
		switch key, value, _ := strings.Cut(kv, "="); key {
		case "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT":
			return value != ""
		case "OTEL_TRACES_EXPORTER": // console, none
			return value != "" && !strings.Contains(value, "otlp")
		default:
			return false
		}
	})
}

// check finds settings that contradict each other.
func (set *settings) check() error {
	switch {
	case len(set.command) == 0:
		return cli.Usagef("no function (add its binary after the flags: epilogue run [flags] -- ./bootstrap)")
	case set.cut && !set.otlp:
		return cli.Usagef("-cut needs the receiver that -otlp starts")
	case set.trace && !set.otlp:
		return cli.Usagef("-trace needs the receiver that -otlp starts")
	case set.xray && (!set.otlp || set.sendsElsewhere()):
		return cli.Usagef("-xray starts an X-Ray daemon, but -otlp or -env select another destination; leave one of them out")
	case set.xray && slices.ContainsFunc(set.env, func(kv string) bool { return strings.HasPrefix(kv, "AWS_XRAY_DAEMON_ADDRESS=") }):
		return cli.Usagef("-xray starts an X-Ray daemon, but -env names another; leave one of them out")
	case set.xray && set.cut:
		return cli.Usagef("-cut closes connections, and the X-Ray daemon has none; leave -cut or -xray out")
	case set.otlp && set.sendsElsewhere():
		return cli.Usagef("-otlp starts a receiver, but -env names another endpoint or exporter; leave one of them out")
	case set.concurrency > 0 && (set.freeze > 0 || set.cut):
		return cli.Usagef("-concurrency means Managed Instances, which never freeze; leave -freeze and -cut out")
	}
	return nil
}

func appendTo(list *[]string) func(string) error {
	return func(v string) error {
		*list = append(*list, v)
		return nil
	}
}
