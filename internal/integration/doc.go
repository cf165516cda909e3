// Package integration proves what the packages promise together. It holds tests only.
//
// A function wired as in every user's main (otelx with the Lambda defaults, agent, handler) runs in the emulated
// environment of lambdatest and sends to the receiver of lambdatest/otlpreceiver. Each scenario of one table runs in
// two forms: in memory, where time is virtual and every duration is compared exactly, and as a real child process, the
// test binary itself, with the real aws-lambda-go, TCP and signals.
//
// Environment, function and receiver write to one event log. The same code judges it in both forms, by the rules of
// internal/invariant.
package integration
