package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
)

const scope = "github.com/epilogue-go/epilogue/examples/orders"

// The function's payload types, under shorter names.
type (
	request  = events.APIGatewayV2HTTPRequest
	response = events.APIGatewayV2HTTPResponse
)

// api holds what the routes share. It is safe for concurrent use: on Managed Instances invocations overlap.
type api struct {
	tracer    trace.Tracer
	metrics   instruments
	prices    pricer
	timeout   time.Duration // for one look-up of a price
	store     *store
	faults    bool
	faultHold time.Duration // how long POST /faults/timeout lasts
}

// newAPI reads the settings that doc.go lists. Its tracer and its instruments follow the global providers, which may be
// set later.
func newAPI(getenv func(string) string) (*api, error) {
	cfg, err := readSettings(getenv)
	if err != nil {
		return nil, err
	}
	metrics, err := newInstruments(otel.Meter(scope))
	if err != nil {
		return nil, err
	}
	return &api{
		tracer:    otel.Tracer(scope),
		metrics:   metrics,
		prices:    newPricer(cfg.pricesURL),
		timeout:   cfg.pricesTimeout,
		store:     newStore(),
		faults:    cfg.faults,
		faultHold: maxLambdaTimeout,
	}, nil
}

// handle answers one request. Its error is always nil: errors of the caller and of prices are answers.
func (a *api) handle(ctx context.Context, req request) (response, error) {
	path, method := requestPath(req), req.RequestContext.HTTP.Method
	switch {
	case path == "/orders":
		if method != http.MethodPost {
			return methodNotAllowed(http.MethodPost), nil
		}
		return a.create(ctx, req), nil
	case strings.HasPrefix(path, "/orders/"):
		if method != http.MethodGet {
			return methodNotAllowed(http.MethodGet), nil
		}
		return a.get(ctx, strings.TrimPrefix(path, "/orders/")), nil
	case strings.HasPrefix(path, "/faults/") && a.faults:
		if method != http.MethodPost {
			return methodNotAllowed(http.MethodPost), nil
		}
		return a.fault(ctx, strings.TrimPrefix(path, "/faults/")), nil
	}
	return failure(http.StatusNotFound, "no such path: "+path), nil
}

// requestPath returns the path without the stage, which API Gateway prepends unless it is $default.
func requestPath(req request) string {
	stage := req.RequestContext.Stage
	if stage == "" || stage == "$default" {
		return req.RawPath
	}
	if rest, ok := strings.CutPrefix(req.RawPath, "/"+stage); ok && strings.HasPrefix(rest, "/") {
		return rest
	}
	return req.RawPath
}
