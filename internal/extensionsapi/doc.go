// Package extensionsapi is a small client for the Lambda Extensions API, for an internal extension: [Client.Register]
// and [Client.Next].
//
// It leaves out init/error and exit/error on purpose: they condemn the whole environment, which is never the right
// answer to a fault of telemetry.
//
// No reply makes the client panic or read without bound. A refusal is an [*Error]. A reply that differs from the
// documentation is an error too.
//
// Facts about the API are from the AWS Lambda Developer Guide, "Lambda Extensions API".
package extensionsapi
