// Package itemtest makes spans, data points and log records for the tests and benchmarks of this module and for those
// of bench, which compare with the official exporters.
package itemtest
