package e2e

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// view is a span as Jaeger's query API shows it, in Jaeger's resolution. TestCollectorHasEveryItem compares all fields.
type view struct {
	ID, Parent, Name, Service string
	Start, Duration           int64 // microseconds
	Failed                    bool
}

// jaegerTrace is the API's answer.
type jaegerTrace struct {
	Spans []struct {
		TraceID       string `json:"traceID"`
		SpanID        string `json:"spanID"`
		OperationName string `json:"operationName"`
		References    []struct {
			RefType string `json:"refType"`
			TraceID string `json:"traceID"`
			SpanID  string `json:"spanID"`
		} `json:"references"`
		StartTime int64 `json:"startTime"`
		Duration  int64 `json:"duration"`
		Tags      []struct {
			Key   string `json:"key"`
			Value any    `json:"value"`
		} `json:"tags"`
		ProcessID string   `json:"processID"`
		Warnings  []string `json:"warnings"`
	} `json:"spans"`
	Processes map[string]struct {
		ServiceName string `json:"serviceName"`
	} `json:"processes"`
	Warnings []string `json:"warnings"`
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
	if resp.StatusCode == http.StatusNotFound {
		return nil
	}
	var answer struct {
		Data   []jaegerTrace `json:"data"`
		Errors []any         `json:"errors"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || len(answer.Data) != 1 || len(answer.Errors) > 0 {
		t.Fatalf("Jaeger answers %s: %+v, %v", resp.Status, answer, err)
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

func (tr jaegerTrace) views(t *testing.T) (all []view) {
	t.Helper()
	for _, s := range tr.Spans {
		absentCaller := strings.Contains(strings.Join(s.Warnings, " "), callerSpan) // no one sends the caller's span
		if len(s.Warnings) > 0 && !absentCaller && !aheadOfItsParent(s.OperationName, s.Warnings) {
			t.Errorf("Jaeger warns of span %s %q: %v", s.SpanID, s.OperationName, s.Warnings)
		}
		v := view{
			ID: s.SpanID, Name: s.OperationName, Service: tr.Processes[s.ProcessID].ServiceName,
			Start: s.StartTime, Duration: s.Duration,
		}
		for _, ref := range s.References {
			if ref.RefType == "CHILD_OF" && ref.TraceID == s.TraceID {
				v.Parent = ref.SpanID
			}
		}
		for _, tag := range s.Tags {
			v.Failed = v.Failed || tag.Key == "error" && tag.Value == true
		}
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b view) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// expect is how Jaeger should show a span.
func expect(s span) view {
	v := view{
		ID: s.SpanID().String(), Name: s.Name(), Service: s.service, Failed: s.failed(),
		Start: int64(s.StartTimestamp()) / 1000, Duration: int64(s.EndTimestamp()-s.StartTimestamp()) / 1000,
	}
	if s.ParentSpanID() != (pcommon.SpanID{}) {
		v.Parent = s.ParentSpanID().String()
	}
	return v
}
