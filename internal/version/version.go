// Package version holds the names under which telemetry knows this module: the version of handler's instrumentation
// scope and in otelx's User-Agent, and the scope itself.
package version

// Version is the version to come; a release sets it together with CHANGELOG.md and the tag.
const Version = "0.1.0"

// HandlerScope is the instrumentation scope of the invocations' spans and of the function's metrics.
const HandlerScope = "github.com/epilogue-go/epilogue/handler"
