// Package lambdatest is a Lambda execution environment for tests and local runs: it speaks the Runtime API and the
// Extensions API to one function and treats it as the service does. It answers the caller when the response is
// posted, holds the environment until the runtime and every extension have asked for the next event, freezes it
// then and thaws it for the next invocation, enforces the timeout over all of that, and ends it with SIGTERM, a
// window and SIGKILL.
//
//	env, err := lambdatest.New(lambdatest.Config{FunctionName: "orders"}, lambdatest.Command("./bootstrap"))
//	if err != nil { … }
//	defer env.Close()
//	resp, err := env.Invoke(ctx, lambdatest.Invocation{Payload: event}) // a cold start, answered at the response
//	err = env.WaitIdle(ctx)                                             // flushed, and frozen
//	exit, err := env.Shutdown(ctx)                                      // thaw, SIGTERM, 500 ms, SIGKILL
//
// # Two forms
//
// [Command] runs a real child process, with the real aws-lambda-go, over TCP on loopback: it is frozen with SIGSTOP
// and sees real signals. [Func] runs the function in memory, for [testing/synctest], where an hour's freeze takes no
// time: it gets a [Process] in place of the operating system, and [Process.Serve] in place of lambda.Start. Both
// forms share everything that decides what the platform does; they differ in how bytes travel and how a process is
// held and ended.
//
// # What happened
//
// Everything of note goes into one ordered [eventlog.Log]: see the Kind constants. [Invocations] derives from it, for
// each invocation, when the response was posted, when the environment froze, and what is billed.
//
// # What is not emulated
//
// SHUTDOWN events and external extensions as processes (see [ExternalExtension]), the Telemetry API, SnapStart,
// the retry of a failed Init, and the CPU share that comes with the memory size.
//
// Facts about the platform are from the AWS Lambda Developer Guide, from the source of AWS's runtime interface
// emulator, and from aws-lambda-go 1.55; if they differ, the service's behavior is taken.
package lambdatest
