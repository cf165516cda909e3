package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/epilogue-go/epilogue/bench/function"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// timeout is the function's. Nothing that is measured comes near it.
const timeout = 20 * time.Second

// subject is one process of a program in the local Lambda.
type subject struct {
	name   string
	env    *lambdatest.Environment
	output bytes.Buffer // stderr, by one goroutine at a time; read when the environment is closed
}

// newSubject prepares a process; the first invocation starts it.
func newSubject(name string, p lambdatest.Program, variables []string) (*subject, error) {
	s := &subject{name: name}
	var err error
	s.env, err = lambdatest.New(lambdatest.Config{
		FunctionName: name, Timeout: timeout, Env: variables, Stderr: &s.output,
	}, p)
	return s, err
}

// close ends the process. If there is an error, close joins the process's output to it.
func (s *subject) close(err error) error {
	err = errors.Join(err, s.env.Close())
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", s.name, err, s.output.Bytes())
	}
	return nil
}

// invoke runs one invocation to the freeze after it, and returns what the platform saw and what the function answered.
func (s *subject) invoke(ctx context.Context, path string) (lambdatest.InvocationReport, events.APIGatewayV2HTTPResponse, error) {
	var answer events.APIGatewayV2HTTPResponse
	resp, err := s.env.Invoke(ctx, lambdatest.Invocation{Payload: event(path)})
	if err == nil {
		err = s.env.WaitIdle(ctx)
	}
	if err == nil && resp.FunctionError != "" {
		err = fmt.Errorf("%s: %s", resp.ErrorType, resp.ErrorMessage)
	}
	if err == nil {
		err = json.Unmarshal(resp.Payload, &answer)
	}
	if err != nil {
		return lambdatest.InvocationReport{}, answer, fmt.Errorf("invoke: %w", err)
	}
	reports := lambdatest.Invocations(s.env.Log().Events())
	return reports[len(reports)-1], answer, nil
}

// invokeRested is invoke. Under a quota it waits for the next period first, as a rarely called function does.
func (s *subject) invokeRested(ctx context.Context, q *quota, path string) (lambdatest.InvocationReport, events.APIGatewayV2HTTPResponse, error) {
	if q != nil {
		if err := pause(ctx, quotaPeriod*time.Microsecond); err != nil {
			return lambdatest.InvocationReport{}, events.APIGatewayV2HTTPResponse{}, err
		}
	}
	return s.invoke(ctx, path)
}

// usage asks the function, by an invocation like any other, what its process has used.
func (s *subject) usage(ctx context.Context) (u function.Usage, err error) {
	_, answer, err := s.invoke(ctx, function.UsagePath)
	if err == nil {
		err = json.Unmarshal([]byte(answer.Body), &u)
	}
	return u, err
}

// startTime is from just before exec to the runtime's first call of next.
func (s *subject) startTime(ctx context.Context) (time.Duration, error) {
	is := func(kind eventlog.Kind) func(eventlog.Event) bool {
		return func(e eventlog.Event) bool { return e.Kind == kind }
	}
	started, err := s.env.Log().Wait(ctx, 0, is(lambdatest.KindProcessStart))
	if err != nil {
		return 0, err
	}
	next, err := s.env.Log().Wait(ctx, started.Seq, is(lambdatest.KindRuntimeNext))
	return next.At.Sub(started.At), err
}

// event is an event of an HTTP API, as API Gateway sends it.
func event(path string) []byte {
	e := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "POST " + path, RawPath: path, Body: `{"sku":"tea","quantity":2}`,
		Headers: map[string]string{
			"accept": "*/*", "content-type": "application/json", "host": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
			"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "user-agent": "curl/8.5.0",
			"x-forwarded-for": "203.0.113.24", "x-forwarded-port": "443", "x-forwarded-proto": "https",
		},
	}
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.Path, e.RequestContext.HTTP.SourceIP = "POST", path, "203.0.113.24"
	e.RequestContext.HTTP.Protocol, e.RequestContext.HTTP.UserAgent = "HTTP/1.1", "curl/8.5.0"
	payload, _ := json.Marshal(e) // strings and numbers
	return payload
}
