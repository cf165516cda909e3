package lambdatest

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/internal/sandbox"
)

// Limits and windows of the service.
const (
	defaultResponse  = 6<<20 + 100            // the number in the service's refusals: 6,291,556 bytes
	defaultWindow    = 500 * time.Millisecond // AWS Lambda Developer Guide, Extensions API: internal extensions only
	externalWindow   = 300 * time.Millisecond // the same, with external extensions
	defaultOrderGap  = 5 * time.Millisecond
	defaultParallel  = 10
	defaultTimeout   = 3 * time.Second
	defaultInitLimit = 10 * time.Second
	defaultMemory    = 128
)

// Config describes the function and its environment. The zero value is AWS's default for each setting.
type Config struct {
	FunctionName    string        // default "function"
	FunctionVersion string        // default "$LATEST"
	Handler         string        // default "bootstrap"
	MemorySize      int           // MB; default 128
	Timeout         time.Duration // over the whole phase: handler and extensions; default 3 s
	InitTimeout     time.Duration // default 10 s
	Region          string        // default "us-east-1"
	AccountID       string        // default "123456789012"
	Env             []string      // "KEY=value", added to the function's environment; the last value of a key counts

	// ProcessEnv returns further variables for one process, which come after Env. It is called before each start of a
	// process, with the process's number, from 1. Default: none.
	ProcessEnv func(process int) []string

	// ManagedInstances selects Lambda Managed Instances: Concurrency invocations at once in one process, no events for
	// internal extensions, no freeze. A response after the deadline is refused with 410, and the process lives on.
	ManagedInstances bool
	Concurrency      int // with ManagedInstances; default 10

	// ExternalExtensions are emulated: they register before the function does and count toward the limit of 10.
	ExternalExtensions []ExternalExtension

	// ShutdownWindow is the time between SIGTERM and SIGKILL if an extension is registered: default 500 ms, or
	// 300 ms with external extensions. Without any extension there is no SIGTERM and no window.
	ShutdownWindow time.Duration

	MaxResponse int // bytes; a larger response is refused with 413; default 6 MB and 100 bytes

	// Order is the order of INVOKE and the invocation. The second one waits for OrderGap (default 5 ms) or for the event
	// that Order names. Seed makes OrderRandom repeatable.
	Order    Order
	OrderGap time.Duration
	Seed     uint64

	Faults Faults // of the Extensions API

	Stdout, Stderr io.Writer // of the function; default: discarded. Written to by one goroutine at a time each

	Log     *eventlog.Log // default: a log of the environment's own
	Network *Network      // of a Func program, also for its servers; default: a new network
}

// ExternalExtension is an extension in a process of its own, with the effects that a function can notice. It counts toward
// the limit of extensions, changes the shutdown window, and holds each phase for Hold after INVOKE.
type ExternalExtension struct {
	Name string
	Hold time.Duration // from INVOKE to its next; zero: not subscribed to INVOKE
}

// Order is the order of the invocation, to the runtime, and the INVOKE event, to the extensions. The service has no fixed
// order, and the handler has often returned before its extension sees INVOKE.
type Order int

// Orders of INVOKE and the invocation, as package sandbox has them.
const (
	OrderRandom          Order = iota // both at once, in an order drawn with Config.Seed
	OrderInvokeFirst                  // INVOKE, and the invocation a gap later
	OrderInvocationFirst              // the invocation, and INVOKE a gap later
	OrderInvokeLate                   // INVOKE when the response or error has been posted
	OrderInvokeLast                   // INVOKE when the runtime has asked for the next invocation
)

// Faults are faults of the Extensions API, counted anew for each process. All other calls are served as usual.
type Faults struct {
	Register Fault // POST /extension/register: the registration is remembered only if the answer is 200 and brings the identifier
	Next     Fault // GET /extension/event/next: until a call succeeds again, the extension gets no event and holds no phase
}

// Fault is an answer instead of the right one. The zero value is no fault.
type Fault struct {
	Status         int    // of the answer; default 200 if another field is set
	ErrorType      string // of the JSON error in the body; default "Extension.InternalError"
	Body           string // if not empty, the whole body, JSON or not, instead of the error
	OmitIdentifier bool   // only omit the Lambda-Extension-Identifier header (Register)
	Cut            bool   // close the connection without an answer
	Skip           int    // how many calls succeed first
	Times          int    // how many calls fail; default: all
}

// withDefaults returns c with its zero fields filled, or an error that names the field, the value and the remedy.
func (c Config) withDefaults() (Config, error) {
	if err := c.check(); err != nil {
		return c, err
	}
	setDefault(&c.FunctionName, "function")
	setDefault(&c.FunctionVersion, "$LATEST")
	setDefault(&c.Handler, "bootstrap")
	setDefault(&c.MemorySize, defaultMemory)
	setDefault(&c.Timeout, defaultTimeout)
	setDefault(&c.InitTimeout, defaultInitLimit)
	setDefault(&c.Region, "us-east-1")
	setDefault(&c.AccountID, "123456789012")
	setDefault(&c.Concurrency, defaultParallel)
	setDefault(&c.MaxResponse, defaultResponse)
	setDefault(&c.OrderGap, defaultOrderGap)
	if len(c.ExternalExtensions) > 0 {
		setDefault(&c.ShutdownWindow, externalWindow)
	}
	setDefault(&c.ShutdownWindow, defaultWindow)
	c.setParts()
	return c, nil
}

// check finds invalid values.
func (c *Config) check() error {
	for _, limit := range []struct {
		name  string
		value int64
	}{
		{"Timeout", int64(c.Timeout)},
		{"InitTimeout", int64(c.InitTimeout)},
		{"ShutdownWindow", int64(c.ShutdownWindow)},
		{"OrderGap", int64(c.OrderGap)},
		{"MemorySize", int64(c.MemorySize)},
		{"MaxResponse", int64(c.MaxResponse)},
		{"Concurrency", int64(c.Concurrency)},
	} {
		if limit.value < 0 {
			return fmt.Errorf("setting Config.%s=%d: negative; use zero for the default", limit.name, limit.value)
		}
	}
	if c.Order < OrderRandom || c.Order > OrderInvokeLast {
		return fmt.Errorf("setting Config.Order=%d: not one of the Order constants", c.Order)
	}
	if c.Concurrency > 1 && !c.ManagedInstances {
		return fmt.Errorf("setting Config.Concurrency=%d: only with ManagedInstances; otherwise it is 1", c.Concurrency)
	}
	for i, variable := range c.Env {
		if key, _, found := strings.Cut(variable, "="); !found || key == "" {
			return fmt.Errorf("setting Config.Env[%d]=%q: no variable; write KEY=value", i, variable)
		}
	}
	return c.checkExtensions()
}

func (c *Config) checkExtensions() error {
	if len(c.ExternalExtensions) > sandbox.MaxExtensions {
		return fmt.Errorf("setting Config.ExternalExtensions: %d of them; at most %d", len(c.ExternalExtensions), sandbox.MaxExtensions)
	}
	names := make(map[string]bool)
	for i, x := range c.ExternalExtensions {
		switch {
		case x.Name == "" || names[x.Name]:
			return fmt.Errorf("setting Config.ExternalExtensions[%d].Name=%q: empty or taken; each needs a name of its own", i, x.Name)
		case x.Hold < 0:
			return fmt.Errorf("setting Config.ExternalExtensions[%d].Hold=%v: negative; use zero for none", i, x.Hold)
		}
		names[x.Name] = true
	}
	return nil
}

// setParts sets the log and the network if Config has none.
func (c *Config) setParts() {
	if c.Stdout == nil {
		c.Stdout = io.Discard
	}
	if c.Stderr == nil {
		c.Stderr = io.Discard
	}
	if c.Log == nil {
		c.Log = new(eventlog.Log)
	}
	if c.Network == nil {
		c.Network = new(Network)
	}
	if !c.ManagedInstances {
		c.Concurrency = 1
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// sandbox returns the settings of a process's sandbox.
func (c *Config) sandbox() sandbox.Config {
	box := sandbox.Config{
		ARN: c.arn(), Timeout: c.Timeout, MaxResponse: c.MaxResponse, ManagedInstances: c.ManagedInstances,
		Order: sandbox.Order(c.Order), Log: c.Log,
	}
	for _, x := range c.ExternalExtensions {
		box.External = append(box.External, sandbox.External(x))
	}
	return box
}
