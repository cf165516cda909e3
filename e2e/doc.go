// Package e2e tests the whole system: the orders function in the local Lambda sends its telemetry to a real
// OpenTelemetry Collector. The tests compare the Collector's file with the function's spans, data points and log records, each of
// them and field by field. Jaeger gets the spans too, and Prometheus the metrics.
//
// Everything is a process of its own: the Collector (this test's own binary, started again), the prices service, and
// orders, which is frozen with SIGSTOP and ended with SIGTERM and SIGKILL as on AWS. It is a module of its own for the
// Collector's many dependencies.
package e2e
