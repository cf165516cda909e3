// Package version holds the module's version, as telemetry names it: the version of handler's instrumentation scope, and
// that in otelx's User-Agent.
package version

// Version is the version to come; a release sets it together with CHANGELOG.md and the tag.
const Version = "0.1.0"
