package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// linesOf returns the OTLP documents in JSON that text has, one a line: those whose first member is key.
func linesOf(text, key string) (lines [][]byte) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, `{"`+key+`"`) {
			lines = append(lines, []byte(line))
		}
	}
	return lines
}

// lastPoints returns the last data point of each series in text, as OTLP in JSON with all that belongs to it. It leaves out times
// and exemplars: the readers of two exporters collect one after the other, and each chooses exemplars of its own.
func lastPoints(t *testing.T, text string) map[string]string {
	t.Helper()
	last := map[string]string{}
	for _, line := range linesOf(text, "resourceMetrics") {
		all, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		for _, resource := range all.ResourceMetrics().All() {
			for _, scope := range resource.ScopeMetrics().All() {
				for _, metric := range scope.Metrics().All() {
					addPoints(t, last, resource, scope, metric)
				}
			}
		}
	}
	return last
}

func addPoints(t *testing.T, last map[string]string, resource pmetric.ResourceMetrics, scope pmetric.ScopeMetrics, m pmetric.Metric) {
	t.Helper()
	alone := pmetric.NewMetrics()
	r := alone.ResourceMetrics().AppendEmpty()
	resource.Resource().CopyTo(r.Resource())
	r.SetSchemaUrl(resource.SchemaUrl())
	s := r.ScopeMetrics().AppendEmpty()
	scope.Scope().CopyTo(s.Scope())
	s.SetSchemaUrl(scope.SchemaUrl())
	add := func(attributes map[string]any, fill func(pmetric.Metric)) {
		one := s.Metrics().AppendEmpty()
		m.CopyTo(one)
		fill(one)
		text, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(alone)
		if err != nil {
			t.Fatal(err)
		}
		last[fmt.Sprint(resource.Resource().Attributes().AsRaw(), scope.Scope().Name(), m.Name(), attributes)] = string(text)
		s.Metrics().RemoveIf(func(pmetric.Metric) bool { return true })
	}
	switch m.Type() {
	case pmetric.MetricTypeSum:
		for _, p := range m.Sum().DataPoints().All() {
			add(p.Attributes().AsRaw(), func(one pmetric.Metric) {
				points := one.Sum().DataPoints()
				points.RemoveIf(func(pmetric.NumberDataPoint) bool { return true })
				point := points.AppendEmpty()
				p.CopyTo(point)
				point.SetStartTimestamp(0)
				point.SetTimestamp(0)
				point.Exemplars().RemoveIf(func(pmetric.Exemplar) bool { return true })
			})
		}
	case pmetric.MetricTypeHistogram:
		for _, p := range m.Histogram().DataPoints().All() {
			add(p.Attributes().AsRaw(), func(one pmetric.Metric) {
				points := one.Histogram().DataPoints()
				points.RemoveIf(func(pmetric.HistogramDataPoint) bool { return true })
				point := points.AppendEmpty()
				p.CopyTo(point)
				point.SetStartTimestamp(0)
				point.SetTimestamp(0)
				point.Exemplars().RemoveIf(func(pmetric.Exemplar) bool { return true })
			})
		}
	default:
		t.Fatalf("metric %s has the type %s, which the examples do not use", m.Name(), m.Type())
	}
}

// logRecords returns each log record in text, as OTLP in JSON with its resource and scope, in the order of these texts.
func logRecords(t *testing.T, text string) (records []string) {
	t.Helper()
	for _, line := range linesOf(text, "resourceLogs") {
		all, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		for _, resource := range all.ResourceLogs().All() {
			for _, scope := range resource.ScopeLogs().All() {
				for _, record := range scope.LogRecords().All() {
					records = append(records, logText(t, resource, scope, record))
				}
			}
		}
	}
	slices.Sort(records)
	return records
}

func logText(t *testing.T, resource plog.ResourceLogs, scope plog.ScopeLogs, record plog.LogRecord) string {
	t.Helper()
	alone := plog.NewLogs()
	r := alone.ResourceLogs().AppendEmpty()
	resource.Resource().CopyTo(r.Resource())
	r.SetSchemaUrl(resource.SchemaUrl())
	s := r.ScopeLogs().AppendEmpty()
	scope.Scope().CopyTo(s.Scope())
	s.SetSchemaUrl(scope.SchemaUrl())
	record.CopyTo(s.LogRecords().AppendEmpty())
	text, err := (&plog.JSONMarshaler{}).MarshalLogs(alone)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
