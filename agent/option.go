package agent

import (
	"context"
	"log/slog"
	"time"
)

// Option changes a setting of [Start]. Options are applied in order, so the last one given for a setting counts. Each
// beats its environment variable, and that beats the default. A bad value, from either, is logged once with the
// setting, the value and what is accepted, and the default is used instead: it never stops the function.
type Option interface{ apply(o *options) }

// options is what the options given to Start say; nil where none speaks of a setting.
type options struct {
	extensionName  *string
	strategy       *FlushStrategy
	flushTimeout   *time.Duration
	margin         *time.Duration
	grace          *time.Duration
	shutdownBudget *time.Duration
	signalOnly     *bool
	timeoutGuard   *time.Duration
	provisional    *bool
	hooks          []func(context.Context)
	logger         *slog.Logger
	process        Process
}

type optionFunc func(*options)

func (f optionFunc) apply(o *options) { f(o) }

// WithExtensionName sets the name under which the internal extension registers, which shows in the platform's logs. It
// is 1 to 128 letters, digits, dots, underscores and hyphens, and must differ from every file in /opt/extensions and
// from every other internal extension of the function.
//
// EPILOGUE_EXTENSION_NAME; default "epilogue", also in place of a bad name.
func WithExtensionName(name string) Option {
	return optionFunc(func(o *options) { o.extensionName = &name })
}

// WithFlushTimeout sets how long one flush may take at most. A flush also ends a margin before its invocation's
// deadline; see [WithMargin]. While a flush runs the environment is busy: the next invocation on it waits and the time
// is billed.
//
// EPILOGUE_FLUSH_TIMEOUT, such as "1500ms"; 1ms to 15m; default 2s, also in place of a bad value.
func WithFlushTimeout(d time.Duration) Option {
	return optionFunc(func(o *options) { o.flushTimeout = &d })
}

// WithFlushStrategy sets at which ends of invocations the agent flushes: [AtEnd], [Periodic] or [Adaptive]. It speaks of
// the ends after which the agent holds the environment; the package's documentation has what it does not change, and
// what a process may lose that ends without SIGTERM.
//
// EPILOGUE_FLUSH_STRATEGY: "end", "periodic" or "adaptive", the latter two with a period if it is not to be 10s, such as
// "adaptive,30s"; default "end", also in place of a bad value.
func WithFlushStrategy(s FlushStrategy) Option {
	return optionFunc(func(o *options) { o.strategy = &s })
}

// WithMargin sets the time that is left unused before an invocation's deadline, and before the end of the window
// between SIGTERM and SIGKILL, for everything that is not the agent's own work.
//
// EPILOGUE_MARGIN; 0s to 10s; default 50ms, also in place of a bad value.
func WithMargin(d time.Duration) Option {
	return optionFunc(func(o *options) { o.margin = &d })
}

// WithGrace sets how long after an INVOKE event the agent waits for the wrapped handler to begin. An invocation whose
// handler has not begun by then, because its payload does not decode, is flushed and let go; where it begins after all,
// its end flushes.
//
// EPILOGUE_GRACE; 0s to 10s; default 250ms, also in place of a bad value.
func WithGrace(d time.Duration) Option {
	return optionFunc(func(o *options) { o.grace = &d })
}

// WithShutdownBudget sets how long all that follows SIGTERM may take: hooks, the last flush, Shutdown. Where it is not
// set it is the platform's window less the margin: 500ms with an internal extension alone, 300ms where /opt/extensions
// has files (AWS Lambda Developer Guide, Lambda execution environment). It is used as it is, without the margin.
//
// EPILOGUE_SHUTDOWN_BUDGET; 50ms to 10s; default as said, also in place of a bad value.
func WithShutdownBudget(d time.Duration) Option {
	return optionFunc(func(o *options) { o.shutdownBudget = &d })
}

// WithTimeoutGuard sets how long before an invocation's deadline, if it has not ended by then, what has ended of it is
// flushed: the platform may end the process at the deadline without a word. The guard fires once an invocation and not
// before half of the time left at its begin has passed; its flush ends the margin before the deadline ([WithMargin]). It
// competes with the handler for the CPU, and changes nothing for one that still makes it. 0 switches the guard off.
//
// EPILOGUE_TIMEOUT_GUARD; 0s to 1m; default 200ms, also in place of a bad value.
func WithTimeoutGuard(d time.Duration) Option {
	return optionFunc(func(o *options) { o.timeoutGuard = &d })
}

// WithProvisionalSpans makes the timeout guard export copies of the invocation's open spans too, where the Flusher is an
// [OpenExporter], marked as provisional and as timed out. Without it the guard does so only where no extension is
// registered, neither the agent's nor an external one, so that no SIGTERM comes and the process is killed at the deadline.
//
// A handler that makes it after all leaves two spans of the same id: the copy, and the span itself, unmarked. Backends
// differ in what they make of that.
//
// EPILOGUE_PROVISIONAL_SPANS, a boolean such as "true" or "0"; default false, also in place of a bad value.
func WithProvisionalSpans() Option {
	on := true
	return optionFunc(func(o *options) { o.provisional = &on })
}

// WithShutdownHook adds a function that is called at SIGTERM or SIGINT before the last flush, so that what it records
// is flushed too. Hooks run one after the other in the order given. Together they get at most half of the shutdown
// budget, each an equal share of what is left of that; the context says when it is up. A hook that does not return by
// then is left behind, one that panics is logged. A nil hook is ignored.
//
// A hook need not flush, and must not call the agent's Flush or End, which wait for the end of the shutdown.
func WithShutdownHook(hook func(context.Context)) Option {
	return optionFunc(func(o *options) {
		if hook != nil {
			o.hooks = append(o.hooks, hook)
		}
	})
}

// WithLogger sets the logger of the agent's few lines. Default, and for nil: slog.Default at the time of the line.
func WithLogger(l *slog.Logger) Option {
	return optionFunc(func(o *options) { o.logger = l })
}

// WithSignalOnly registers the extension for no event: it buys SIGTERM and the shutdown window, and nothing else. Where
// the environment freezes, the end of each invocation then flushes by itself, after the response and before the runtime
// asks for the next invocation. With Join() as the Flusher this is a plain SIGTERM helper.
//
// EPILOGUE_SIGNAL_ONLY, a boolean such as "true" or "0"; default false, also in place of a bad value.
func WithSignalOnly() Option {
	on := true
	return optionFunc(func(o *options) { o.signalOnly = &on })
}

// WithProcess puts p in the place of the process the agent lives in. It is for tests and emulated environments.
func WithProcess(p Process) Option {
	return optionFunc(func(o *options) { o.process = p })
}
