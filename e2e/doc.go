// Package e2e is the last proof: the orders function in the local Lambda sends its spans to a real OpenTelemetry Collector,
// and what the Collector wrote to its file is compared, span by span and field by field, with what the function ended.
//
// Everything is a process of its own: the Collector (this test's own binary, started again), the prices service, and
// orders, which is frozen with SIGSTOP and ended with SIGTERM and SIGKILL as on AWS. It is a module of its own for the
// Collector's many dependencies.
package e2e
