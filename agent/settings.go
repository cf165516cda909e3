package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// settings is what the agent goes by, resolved once in Start and never changed.
type settings struct {
	extensionName string
	budget        budget
	strategy      FlushStrategy
	grace         time.Duration
	signalOnly    bool
	provisional   bool // the guard exports open spans wherever it fires
	hooks         []func(context.Context)
}

// resolve makes settings of what the options say, the environment, and the defaults, in this order. Each bad value is
// an error in bad, and its default is used.
func (o *options) resolve(getenv func(string) string) (s settings, bad []error) {
	isOn := func(option *bool, env string) bool {
		on, err := pickBool(option, env, getenv)
		if err != nil {
			bad = append(bad, err)
		}
		return on
	}
	pick := func(d duration, option *time.Duration) time.Duration {
		value, err := d.pick(option, getenv)
		if err != nil {
			bad = append(bad, err)
		}
		return value
	}
	s.budget.flushTimeout = pick(flushTimeout, o.flushTimeout)
	s.budget.margin = pick(margin, o.margin)
	s.budget.shutdown = pick(shutdownBudget, o.shutdownBudget)
	s.budget.timeoutGuard = pick(timeoutGuard, o.timeoutGuard)
	s.grace = pick(grace, o.grace)
	s.hooks = o.hooks

	var err error
	if s.strategy, err = pickStrategy(o.strategy, getenv); err != nil {
		bad = append(bad, err)
	}
	if s.extensionName, err = pickName(o.extensionName, getenv); err != nil {
		bad = append(bad, err)
	}
	s.signalOnly = isOn(o.signalOnly, signalEnv)
	s.provisional = isOn(o.provisional, provisionalEnv)
	return s, bad
}

// duration is a setting that is a length of time.
type duration struct {
	option, env    string
	least, most    time.Duration
	standard       time.Duration
	standardInText string // where the number alone does not say it
}

var (
	flushTimeout = duration{
		option: "WithFlushTimeout", env: "EPILOGUE_FLUSH_TIMEOUT",
		least: time.Millisecond, most: 15 * time.Minute, standard: 2 * time.Second,
	}
	margin = duration{
		option: "WithMargin", env: "EPILOGUE_MARGIN",
		least: 0, most: 10 * time.Second, standard: 50 * time.Millisecond,
	}
	grace = duration{
		option: "WithGrace", env: "EPILOGUE_GRACE",
		least: 0, most: 10 * time.Second, standard: 250 * time.Millisecond,
	}
	shutdownBudget = duration{
		option: "WithShutdownBudget", env: "EPILOGUE_SHUTDOWN_BUDGET",
		least: 50 * time.Millisecond, most: 10 * time.Second, standard: 0, standardInText: "the platform's window",
	}
	timeoutGuard = duration{
		option: "WithTimeoutGuard", env: "EPILOGUE_TIMEOUT_GUARD",
		least: 0, most: time.Minute, standard: 200 * time.Millisecond,
	}
)

// pick returns the option's value, the environment's, or the default; the latter with an error where the value is bad.
func (d duration) pick(option *time.Duration, getenv func(string) string) (time.Duration, error) {
	if option != nil {
		return d.check(d.option, option.String(), *option, nil)
	}
	text := getenv(d.env)
	if text == "" {
		return d.standard, nil
	}
	value, err := time.ParseDuration(text)
	return d.check(d.env, text, value, err)
}

// check returns value, which was set by name as text, or the default and an error.
func (d duration) check(name, text string, value time.Duration, err error) (time.Duration, error) {
	if err == nil && d.least <= value && value <= d.most {
		return value, nil
	}
	accepted := fmt.Sprintf("a duration such as 250ms, from %s to %s", d.least, d.most)
	return d.standard, badValue(name, text, accepted, cmp.Or(d.standardInText, d.standard.String()))
}

const (
	standardName   = "epilogue"
	nameEnv        = "EPILOGUE_EXTENSION_NAME"
	signalEnv      = "EPILOGUE_SIGNAL_ONLY"
	provisionalEnv = "EPILOGUE_PROVISIONAL_SPANS"
)

// validName reports whether the platform is sure to take name as an extension's.
func validName(name string) bool {
	const longest, others = 128, "0123456789._-"
	return name != "" && len(name) <= longest && !strings.ContainsFunc(name, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		return !letter && !strings.ContainsRune(others, r)
	})
}

func pickName(option *string, getenv func(string) string) (string, error) {
	setting, name := nameEnv, cmp.Or(getenv(nameEnv), standardName)
	if option != nil {
		setting, name = "WithExtensionName", *option
	}
	if !validName(name) {
		return standardName, badValue(setting, name, "1 to 128 letters, digits, dots, underscores and hyphens", standardName)
	}
	return name, nil
}

// pickBool returns the option's value, the environment's, or false; the latter with an error where the value is bad.
func pickBool(option *bool, env string, getenv func(string) string) (bool, error) {
	if option != nil {
		return *option, nil
	}
	text := getenv(env)
	if text == "" {
		return false, nil
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		return false, badValue(env, text, "true or false", "false")
	}
	return on, nil
}

// badValue is the error of a value that is not accepted, with what is used instead.
func badValue(setting, value, accepted, instead string) error {
	const longest = 200
	if len(value) > longest {
		value = value[:longest] + "…"
	}
	return errors.New(setting + "=" + strconv.Quote(value) + ": not accepted; write " + accepted + "; using " + instead)
}

// sayBad logs what resolve found bad, a line each.
func (j *journal) sayBad(bad []error) {
	for _, err := range bad {
		j.say(warn, "agent: setting not accepted", slog.Any("error", err))
	}
}
