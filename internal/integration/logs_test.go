package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/otelx/tracelog"
)

func init() {
	harness.Programs["logs"] = func(p harness.Process) {
		slog.SetDefault(slog.New(tracelog.NewHandler(lambdacontext.NewLogHandler(lambdacontext.WithFunctionARN()))))
		f := harness.Start(p)
		f.Serve(logging{f}.handle)
	}
}

type logging struct{ *harness.Function }

// handle logs in a span of its own.
func (f logging) handle(ctx context.Context) (string, error) {
	ctx, span := f.Tracer.Start(ctx, "work")
	defer span.End()
	slog.DebugContext(ctx, "looked up")
	slog.InfoContext(ctx, "order taken", "order", "17")
	slog.Default().With("shop", "north").WithGroup("order").ErrorContext(ctx, "not saved", "id", "17")
	slog.Error("by the way") // by code without a context
	return "done", nil
}

// logged runs the function and returns its log, its request ID, and its span "work".
func logged(t *testing.T) (lines []string, requestID string, work harness.Span) {
	t.Helper()
	var out bytes.Buffer
	c := but(ok, func(c *call) { c.Payload = `{}` })
	withChild(t, scenario{Program: "logs", Config: lambdatest.Config{Stdout: &out}, Env: []string{"AWS_LAMBDA_LOG_FORMAT=JSON", "AWS_LAMBDA_LOG_LEVEL=DEBUG"}, Steps: steps(
		invoke(c), shutdown, func(r *run) {
			requestID = r.Calls[0].ID
			for _, s := range r.Spans() {
				if s.Name == "work" {
					work = s
				}
			}
		})})
	return strings.Split(strings.TrimSpace(out.String()), "\n"), requestID, work
}

// TestLogsInJSON: with aws-lambda-go's handler the lines are in Lambda's format, with the ids of request and trace at the
// top, whatever group the logger has.
func TestLogsInJSON(t *testing.T) {
	t.Parallel()
	lines, requestID, work := logged(t)
	if len(lines) != 4 {
		t.Fatalf("%d lines, want 4:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	for i, want := range []map[string]any{
		{"level": "DEBUG", "message": "looked up"},
		{"level": "INFO", "message": "order taken", "order": "17"},
		{"level": "ERROR", "message": "not saved", "shop": "north", "order": map[string]any{"id": "17"}},
	} {
		want["requestId"], want["functionArn"] = requestID, "arn:aws:lambda:us-east-1:123456789012:function:function"
		want["trace_id"], want["span_id"], want["trace_flags"] = work.TraceID, work.SpanID, "01"
		wantLine(t, lines[i], want)
	}
	wantLine(t, lines[3], map[string]any{"level": "ERROR", "message": "by the way"})
}

// wantLine compares a line in JSON, without its timestamp, which it must have.
func wantLine(t *testing.T, line string, want map[string]any) {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Errorf("line %q: %v", line, err)
		return
	}
	if got["timestamp"] == nil {
		t.Errorf("line %q has no timestamp", line)
	}
	delete(got, "timestamp")
	wanted, _ := json.Marshal(want)
	if printed, _ := json.Marshal(got); !bytes.Equal(printed, wanted) {
		t.Errorf("line\n%s; want\n%s", printed, wanted)
	}
}
