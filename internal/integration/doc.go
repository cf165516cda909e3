// Package integration tests the packages together. It holds tests only.
//
// A function wired as in the README (otelx with the Lambda defaults, agent, handler) runs in the emulated environment of
// lambdatest and sends to the receiver of lambdatest/otlpreceiver. Most tests are scenarios of internal/harness: values
// that run both in memory, where every duration is compared exactly, and with a real child process.
package integration
