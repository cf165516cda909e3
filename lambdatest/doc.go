// Package lambdatest is a Lambda execution environment for tests and local runs. It serves the Runtime API and the
// Extensions API to one function:
//
//   - It answers the caller when the response is posted.
//   - It freezes the environment when the runtime and every extension have asked for the next event, and thaws it for the
//     next invocation.
//   - It enforces the timeout over all of that.
//   - It ends the environment with SIGTERM, a window and SIGKILL.
//
// A test or a command uses it like this:
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
// [Command] runs a real child process, with the real aws-lambda-go, over TCP on loopback. SIGSTOP freezes it, and it gets
// real signals. [Func] runs the function in memory, for [testing/synctest], where an hour's freeze takes no time. It gets a
// [Process] instead of the operating system, and [Process.Serve] instead of lambda.Start. Both forms share the rules of the
// platform. They differ in the transport of bytes and in the means to hold and end a process.
//
// # Events
//
// Every event goes into one ordered [eventlog.Log]: see the Kind constants. [Invocations] derives from it the time of the
// response, the time of the freeze and the billed time of each invocation.
//
// # Not emulated
//
// SHUTDOWN events and external extensions as processes (see [ExternalExtension]), the Telemetry API, SnapStart,
// the retry of a failed Init, and the CPU share that comes with the memory size.
//
// Platform facts are from the AWS Lambda Developer Guide, from the source of AWS's runtime interface emulator, and from
// aws-lambda-go 1.55. If they differ, the package follows the service.
package lambdatest
