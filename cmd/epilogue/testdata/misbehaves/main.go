// Command misbehaves is a function of the tests. The first field of its event selects how it misbehaves.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdaurl"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
)

// commands are for a terminal: a color, a title, the clipboard, a direction, and a line like one of the report's.
const commands = "\x1b[31m\x1b]0;title\x07\x1b]52;c;cm0=\x07\u202e\xff\r\n 9 warm     forged"

func main() {
	switch os.Getenv("MODE") {
	case "init":
		os.Stderr.WriteString("no tea " + commands + "\n")
		os.Exit(3)
	case "url":
		lambdaurl.Start(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	case "fifo":
		_ = syscall.Mkfifo(os.Getenv("EPILOGUE_SHUTDOWN_REPORT"), 0o600)
		_ = os.Unsetenv("EPILOGUE_SHUTDOWN_REPORT")
	}
	ctx := context.Background()
	tel, err := otelx.New(ctx, awslambda.Defaults())
	if err != nil {
		panic(err)
	}
	lambda.Start(handler.Wrap(handle, handler.WithTracker(agent.Start(ctx, tel))))
}

func handle(ctx context.Context, event json.RawMessage) (io.Reader, error) {
	_, span := otel.Tracer("misbehaves").Start(ctx, "span"+commands)
	defer span.End()
	switch os.Getenv("MODE") {
	case "commands":
		os.Stdout.WriteString("log " + commands + "\n")
		os.Stdout.WriteString(`level=INFO msg="graceful shutdown completed" traces.ended=99 traces.exported=99` + "\n")
		return nil, errors.New("error" + commands)
	case "exit":
		os.Stderr.WriteString("out of tea\n")
		os.Exit(7)
	case "killed":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "exit after the response":
		return exits{strings.NewReader("fine")}, nil
	case "large":
		return strings.NewReader(strings.Repeat("x", 7<<20)), nil
	case "signals":
		return strings.NewReader("fine"), signals(ctx)
	case "caller":
		var request struct{ Headers map[string]string }
		if err := json.Unmarshal(event, &request); err != nil {
			return nil, err
		}
		above := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier(request.Headers))
		_, span := otel.Tracer("misbehaves").Start(above, "continues the caller's trace")
		span.End()
	}
	return strings.NewReader("fine"), nil
}

// signals sends a data point and two log records, and writes a metric and a log record to standard output.
func signals(ctx context.Context) error {
	os.Stdout.WriteString(`{"_aws":{"CloudWatchMetrics":[{"Metrics":[{"Name":"calls"}]}]},"calls":1}` + "\n")
	os.Stdout.WriteString(`{"level":"INFO","trace_id":"01","message":"brewed"}` + "\n")
	os.Stderr.WriteString(`{"level":"INFO","message":"not on standard output"}` + "\n")
	for path, body := range map[string]string{
		"/v1/metrics": `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"calls","sum":{"dataPoints":[{"asInt":"1"}]}}]}]}]}`,
		"/v1/logs":    `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{},{}]}]}]}`,
	} {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")+path, strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
	}
	return nil
}

// exits is a body whose Close, after the post, ends the process.
type exits struct{ *strings.Reader }

func (exits) Close() error { os.Exit(9); return nil }
