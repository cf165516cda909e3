// Package function is the handler of each program of the comparison: it takes the event of an HTTP API, starts and ends
// BENCH_SPANS child spans, and returns JSON. It imports no telemetry, so that the bare program has none.
package function

import (
	"context"
	"encoding/json"
	"os"
	"strconv"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

// Environment variables that configure a program.
const (
	SpansVariable   = "BENCH_SPANS"   // how many child spans an invocation starts and ends
	PendingVariable = "BENCH_PENDING" // how many spans are open until SIGTERM; if set, the program asks Lambda for that signal
	BodyVariable    = "BENCH_BODY"    // the file with the body of a plain round trip
)

// UsagePath is the path of a request that is answered with the process's Usage.
const UsagePath = "/usage"

// Function is the function of every program.
type Function struct {
	children func(ctx context.Context, n int)
	n        int
}

// New returns the function. children starts and ends n child spans; nil stands for a program that has no spans.
func New(children func(ctx context.Context, n int)) *Function {
	return &Function{children: children, n: number(SpansVariable)}
}

// Handle is the handler of an HTTP API.
func (f *Function) Handle(ctx context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	if f.children != nil {
		f.children(ctx, f.n)
	}
	var answer any = order{Path: e.RawPath, SKU: "tea", Quantity: len(e.Body)}
	if e.RawPath == UsagePath {
		used, err := usage()
		if err != nil {
			return events.APIGatewayV2HTTPResponse{}, err
		}
		answer = used
	}
	body, err := json.Marshal(answer)
	return events.APIGatewayV2HTTPResponse{
		StatusCode: 200, Headers: map[string]string{"content-type": "application/json"}, Body: string(body),
	}, err
}

type order struct {
	Path     string `json:"path"`
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
}

// Start is lambda.Start. If PendingVariable is set, sigterm is called at SIGTERM, and the process ends when it returns.
func Start(handler any, sigterm func()) {
	if _, asked := os.LookupEnv(PendingVariable); !asked {
		lambda.Start(handler)
		return
	}
	lambda.StartWithOptions(handler, lambda.WithEnableSIGTERM(func() {
		sigterm()
		os.Exit(0)
	}))
}

// Pending returns how many spans are open until SIGTERM.
func Pending() int { return number(PendingVariable) }

// number returns the value of a variable, 0 if it is no number.
func number(variable string) int {
	n, _ := strconv.Atoi(os.Getenv(variable))
	return n
}
