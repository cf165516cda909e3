// Command roundtrip is no rival but a measure: a function that posts to the collector, by net/http on a connection that is
// kept, the very bytes that another program has posted there, and answers how long that took.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/epilogue-go/epilogue/bench/function"
)

func main() { lambda.Start(handle) }

func handle(ctx context.Context, _ events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	body, err := os.ReadFile(os.Getenv(function.BodyVariable))
	if err != nil {
		return events.APIGatewayV2HTTPResponse{}, err
	}
	took, err := post(ctx, os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")+"/v1/traces", body)
	return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusOK, Body: strconv.FormatInt(took.Nanoseconds(), 10)}, err
}

// post posts body to url, and returns how long it took to the end of the answer.
func post(ctx context.Context, url string, body []byte) (time.Duration, error) {
	begun := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("post: %s", resp.Status)
	}
	return time.Since(begun), nil
}
