package agent

import (
	"context"
	"log/slog"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/settings"
)

// Option changes a setting of [Start]. If a setting is given twice, the later option counts. An option beats its
// environment variable, and that beats the default. The agent logs a bad value once, with the setting, the value and
// the accepted values, and uses the default instead: a bad setting never stops the function.
type Option interface{ apply(o *options) }

// options has the values of the options given to Start.
type options struct {
	settings settings.Options

	hooks   []func(context.Context)
	logger  *slog.Logger
	process Process
}

type optionFunc func(*options)

func (f optionFunc) apply(o *options) { f(o) }

// set is an option with an environment variable, whose form the value has.
func set(option, value string) Option {
	return optionFunc(func(o *options) { o.settings[option] = value })
}

// WithExtensionName sets the name under which the extension registers, which the platform's logs show. It has 1 to 128
// letters, digits, dots, underscores and hyphens. It must differ from every file in /opt/extensions and from every other
// internal extension of the function.
//
// EPILOGUE_EXTENSION_NAME; default "epilogue", also for a bad name.
func WithExtensionName(name string) Option { return set("WithExtensionName", name) }

// WithFlushTimeout sets the longest duration of a flush. A flush also ends a margin before its invocation's deadline; see
// [WithDeadlineMargin]. During a flush the environment is busy: the next invocation on it waits, and the time is billed.
//
// EPILOGUE_FLUSH_TIMEOUT, such as "1500ms"; 1ms to 15m; default 2s, also for a bad value.
func WithFlushTimeout(d time.Duration) Option { return set("WithFlushTimeout", d.String()) }

// WithFlushStrategy sets after which invocations the agent flushes: [AtEnd], [Periodic] or [Adaptive]. It applies in mode
// extension. docs/strategies.md has its rules, and the possible losses of a process that ends without SIGTERM.
//
// EPILOGUE_FLUSH_STRATEGY: "end", "periodic" or "adaptive", the latter two optionally with a period, such as
// "adaptive,30s" (10s without); default "end", also for a bad value.
func WithFlushStrategy(s FlushStrategy) Option { return set("WithFlushStrategy", s.String()) }

// WithDeadlineMargin sets the time that the agent leaves unused before an invocation's deadline, and before the end of
// the window between SIGTERM and SIGKILL.
//
// EPILOGUE_DEADLINE_MARGIN; 0s to 10s; default 50ms, also for a bad value.
func WithDeadlineMargin(d time.Duration) Option { return set("WithDeadlineMargin", d.String()) }

// WithHandlerStartWait sets how long after an INVOKE event the agent waits for the wrapped handler to start. It does not
// start if the payload does not decode. Then the agent flushes and releases the invocation. If the handler starts later,
// its End flushes.
//
// EPILOGUE_HANDLER_START_WAIT; 0s to 10s; default 250ms, also for a bad value.
func WithHandlerStartWait(d time.Duration) Option { return set("WithHandlerStartWait", d.String()) }

// WithShutdownBudget sets the time for everything that follows SIGTERM: hooks, the last flush, Shutdown. It is used
// without the margin. The default is the platform's window less the margin. The window is 500ms with an internal
// extension alone, 300ms if /opt/extensions has files (AWS Lambda Developer Guide, Lambda execution environment).
//
// EPILOGUE_SHUTDOWN_BUDGET; 50ms to 10s; default as above, also for a bad value.
func WithShutdownBudget(d time.Duration) Option { return set("WithShutdownBudget", d.String()) }

// WithPreTimeoutFlush sets how long before its deadline the agent flushes the ended spans of an invocation that is still
// running: the platform may end the process at the deadline without SIGTERM. The flush begins when half of the
// invocation's time has passed at the earliest, and ends the margin before the deadline ([WithDeadlineMargin]). It
// competes with the handler for the CPU. 0 switches off both this flush and [WithEndBeforeTimeout].
//
// EPILOGUE_PRE_TIMEOUT_FLUSH; 0s to 1m; default 200ms, also for a bad value.
func WithPreTimeoutFlush(d time.Duration) Option { return set("WithPreTimeoutFlush", d.String()) }

// WithEndBeforeTimeout makes the agent end the invocation's open spans shortly before its deadline, with status Error and
// error.type=timeout, in time to flush them: twice the duration of the last flush (50 to 200 ms, at first 100 ms) before
// the margin. Without the option it does so only in mode unregistered without external extensions, since SIGTERM does
// not come then.
//
// If the handler returns in time after all, its spans have ended too early. [Stats] counts that, and the agent logs it.
//
// EPILOGUE_END_BEFORE_TIMEOUT, a boolean such as "true" or "0"; default false, also for a bad value.
func WithEndBeforeTimeout() Option { return set("WithEndBeforeTimeout", "true") }

// WithShutdownHook adds a function that the agent calls at SIGTERM or SIGINT before the last flush, which includes what
// the hook records. Hooks run one after another in the order given. Together they have half of the shutdown budget, and
// each an equal share of the rest of it, at whose end its context ends. The agent abandons a hook that does not return
// by then, and logs a panic. A nil hook is ignored.
//
// A hook need not flush. It must not call Flush or End of the agent, which wait for the end of the shutdown.
func WithShutdownHook(hook func(context.Context)) Option {
	return optionFunc(func(o *options) {
		if hook != nil {
			o.hooks = append(o.hooks, hook)
		}
	})
}

// WithLogger sets the logger of the agent's few lines. Default, also for nil: inside Lambda standard error, in the format
// and from the level that AWS_LAMBDA_LOG_FORMAT and AWS_LAMBDA_LOG_LEVEL say; outside, slog.Default at the time of the
// line. The agent abandons a write that takes more than 100 ms, and drops lines until it has returned.
func WithLogger(l *slog.Logger) Option {
	return optionFunc(func(o *options) { o.logger = l })
}

// WithShutdownOnly registers the extension for no event, which brings SIGTERM and the shutdown window only. If the
// environment freezes, the End of each invocation then flushes, after the response and before the runtime asks for the
// next invocation. With MultiFlusher() as the Flusher the agent is a plain SIGTERM helper.
//
// EPILOGUE_SHUTDOWN_ONLY, a boolean such as "true" or "0"; default false, also for a bad value.
func WithShutdownOnly() Option { return set("WithShutdownOnly", "true") }

// WithoutExit leaves the end of the process to the program. At SIGTERM or SIGINT the agent shuts the telemetry down as
// always, and then does not exit. So work that the program does at the same signal, such as the callbacks of
// lambda.WithEnableSIGTERM, is not cut off: the agent's exit usually comes a few milliseconds after the signal. Lambda ends
// the process at the end of the window. A second signal has its usual effect. To do the work before the last flush instead,
// see [WithShutdownHook].
//
// EPILOGUE_WITHOUT_EXIT, a boolean such as "true" or "0"; default false, also for a bad value.
func WithoutExit() Option { return set("WithoutExit", "true") }

// WithProcess replaces the process that the agent lives in. It is for tests and emulated environments.
func WithProcess(p Process) Option {
	return optionFunc(func(o *options) { o.process = p })
}
