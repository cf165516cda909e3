package otlpreceiver_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

func Example() {
	recv := otlpreceiver.New(otlpreceiver.Config{})
	defer func() { _ = recv.Close() }()
	if err := recv.Listen("127.0.0.1:0"); err != nil {
		fmt.Println(err)
		return
	}
	recv.FailNext(otlpreceiver.Fault{Status: http.StatusServiceUnavailable}) // the first request only

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for range 2 {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, recv.Endpoint()+"/v1/traces", strings.NewReader(jsonRequest))
		if err != nil {
			fmt.Println(err)
			return
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		_ = resp.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()

	spans, err := recv.WaitSpans(ctx, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(spans[0].Service(), spans[0].Name, spans[0].Kind)
	for _, r := range recv.Requests() {
		fmt.Println(r.Number, r.Outcome)
	}
	// Output:
	// js I'm a span server
	// 1 refused with 503
	// 2 kept
}
