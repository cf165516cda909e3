// Package extensionsapi is a small client for the Lambda Extensions API, as an internal extension needs it:
// [Client.Register] and [Client.Next].
//
// The rest of that API is left out on purpose: init/error and exit/error condemn the whole environment, which is never
// the right answer to trouble with telemetry.
//
// Nothing that the other side sends makes the client panic or read without bound. A refusal is an [*Error]; a reply
// that is not what the API documents is an error too.
//
// The source of what is said here about the API is the AWS Lambda Developer Guide, "Lambda Extensions API".
package extensionsapi
