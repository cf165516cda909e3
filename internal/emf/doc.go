// Package emf writes metrics in CloudWatch's embedded metric format (EMF): JSON lines on standard output, from which
// CloudWatch Logs extracts metrics. Lambda carries the lines there, so no request is made.
//
//	metricdata ──▶ Converter ──▶ []Point ──▶ delivery.Queue ──▶ Encoder ──▶ Sender ──▶ standard output
//
// [Converter] applies the rules that decide which CloudWatch metric a data point belongs to: dimensions, names, units,
// the limit of series, merging. [Encoder] applies the limits of a line. [Sender] writes.
//
// The format is that of the Amazon CloudWatch User Guide, "Specification: Embedded metric format". The limits of names
// and values are those of the Amazon CloudWatch API Reference, "MetricDatum" and "Dimension". Package lines checks
// them.
package emf
