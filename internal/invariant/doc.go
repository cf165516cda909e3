// Package invariant says what holds of every run of a function that is wired as in the README, whatever the function, the
// collector or the platform does. It is for tests.
//
// The emulated environment of lambdatest, the receiver of lambdatest/otlpreceiver and, by way of [Transcript] and
// [Witness], the function itself write to one event log. A [Story] reads it, and each of [Rules] is a function with its
// reason, shown to fail on a log that breaks it and it alone.
package invariant
