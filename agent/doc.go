// Package agent runs an internal Lambda extension that flushes telemetry after each response and at SIGTERM.
package agent
