// Package harness runs a function that is wired as in the README, in the emulated environment of lambdatest and against
// the receiver of lambdatest/otlpreceiver. It is for tests.
//
// A [Scenario] is a value: a program, an environment, faults, and steps such as [Invoke], [Freeze] and [Shutdown]. Each
// invocation carries an [Expect]. The same scenario runs in two forms:
//
//   - [InMemory]: the process is emulated and time is virtual, so every duration is compared exactly.
//   - [WithChild]: the process is a real child (the test binary itself) with the real aws-lambda-go, TCP, signals, and
//     SIGSTOP for the freeze.
//
// Environment, function and receiver write to one event log, which is the oracle: [Rules] hold of every log, whatever the
// function, the backend or the platform does, and [Run] compares the log with the expectations.
//
// The function does what a [Command] says. A test package can add programs of its own to [Programs].
package harness
