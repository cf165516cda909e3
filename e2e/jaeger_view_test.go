package e2e

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// view is a span as Jaeger's query API shows it: everything a person sees there, in Jaeger's resolution.
type view struct {
	Trace, ID, Parent, Links string
	Name, Service            string
	Start, Duration          int64             // microseconds
	Tags                     map[string]string // attributes, kind and status, written as text
	Events                   int
}

// jaegerTrace is the API's answer.
type jaegerTrace struct {
	TraceID string `json:"traceID"`
	Spans   []struct {
		TraceID       string `json:"traceID"`
		SpanID        string `json:"spanID"`
		OperationName string `json:"operationName"`
		References    []struct {
			RefType string `json:"refType"`
			TraceID string `json:"traceID"`
			SpanID  string `json:"spanID"`
		} `json:"references"`
		StartTime int64             `json:"startTime"`
		Duration  int64             `json:"duration"`
		Tags      []jaegerTag       `json:"tags"`
		Logs      []json.RawMessage `json:"logs"`
		ProcessID string            `json:"processID"`
		Warnings  []string          `json:"warnings"`
	} `json:"spans"`
	Processes map[string]struct {
		ServiceName string `json:"serviceName"`
	} `json:"processes"`
	Warnings []string `json:"warnings"`
}

type jaegerTag struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

// trace asks for a trace, and returns nothing if Jaeger has none. A warning of Jaeger's fails the test.
func (j *jaeger) trace(t *testing.T, id string) []view {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, j.query+"/api/traces/"+id, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode == http.StatusNotFound {
		return nil
	}
	var answer struct {
		Data   []jaegerTrace `json:"data"`
		Errors []any         `json:"errors"`
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&answer); err != nil || len(answer.Data) != 1 || len(answer.Errors) > 0 {
		t.Fatalf("Jaeger answers %s %s", resp.Status, body)
	}
	if w := answer.Data[0].Warnings; len(w) > 0 {
		t.Errorf("Jaeger warns of trace %s: %v", id, w)
	}
	return answer.Data[0].views(t)
}

// aheadOfItsParent tells the one warning that is expected: the initialization lies before the invocation, whose child it
// is, and Jaeger takes a child that begins before its parent for one of a host whose clock is wrong.
func aheadOfItsParent(name string, warnings []string) bool {
	return name == "init" && len(warnings) == 1 && strings.HasPrefix(warnings[0], "clock skew adjustment disabled")
}

func (tr jaegerTrace) views(t *testing.T) []view {
	t.Helper()
	var all []view
	for _, s := range tr.Spans {
		if len(s.Warnings) > 0 && !aheadOfItsParent(s.OperationName, s.Warnings) {
			t.Errorf("Jaeger warns of span %s %q: %v", s.SpanID, s.OperationName, s.Warnings)
		}
		v := view{
			Trace: s.TraceID, ID: s.SpanID, Name: s.OperationName, Service: tr.Processes[s.ProcessID].ServiceName,
			Start: s.StartTime, Duration: s.Duration, Events: len(s.Logs), Tags: map[string]string{},
		}
		for _, ref := range s.References {
			if ref.RefType == "CHILD_OF" && ref.TraceID == s.TraceID {
				v.Parent = ref.SpanID
			} else {
				v.Links += ref.TraceID + "/" + ref.SpanID + " "
			}
		}
		for _, tag := range s.Tags {
			v.Tags[tag.Key] = fmt.Sprint(tag.Value)
		}
		delete(v.Tags, "internal.span.format") // Jaeger's own
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b view) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// expect is how Jaeger should show a span.
func expect(s span) view {
	v := view{
		Trace: s.TraceID, ID: s.SpanID, Parent: s.Parent, Name: s.Name, Service: s.service(),
		Start: s.Start / 1000, Duration: (s.End - s.Start) / 1000, Events: len(s.Events), Tags: map[string]string{},
	}
	for _, l := range s.Links {
		v.Links += l.TraceID + "/" + l.SpanID + " "
	}
	for key, value := range s.Attributes {
		v.Tags[key] = tagText(value)
	}
	if s.Kind != "unspecified" {
		v.Tags["span.kind"] = s.Kind
	}
	switch s.Status {
	case "error":
		v.Tags["error"], v.Tags["otel.status_code"] = "true", "ERROR"
	case "ok":
		v.Tags["otel.status_code"] = "OK"
	}
	if s.StatusMessage != "" {
		v.Tags["otel.status_description"] = s.StatusMessage
	}
	v.Tags["otel.scope.name"] = s.Scope.Name
	if s.Scope.Version != "" {
		v.Tags["otel.scope.version"] = s.Scope.Version
	}
	if s.TraceState != "" {
		v.Tags["w3c.tracestate"] = s.TraceState
	}
	return v
}

// tagText is the text of an attribute's value; lists are JSON there.
func tagText(value any) string {
	if list, ok := value.([]any); ok {
		text, err := json.Marshal(list)
		if err == nil {
			return string(text)
		}
	}
	return fmt.Sprint(value)
}
