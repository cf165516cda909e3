// Package goruntime is the function's side of the Runtime API as aws-lambda-go implements it, over any network: for
// functions in memory.
package goruntime

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/epilogue-go/epilogue/lambdatest/internal/api"
)

// Options describe the process that serves.
type Options struct {
	RuntimeAPI string // the address of the API
	Dial       func(ctx context.Context, network, address string) (net.Conn, error)
	Loops      int // invocations at once
	Setenv     func(key, value string)
	Stderr     io.Writer
}

// Serve serves invocations with fn, any handler that lambda.Start accepts, until ctx ends or a loop ends. It then waits for
// the other loops, and returns the error that ended the first one; nil if ctx has ended.
func Serve(ctx context.Context, o Options, fn any) error {
	client := &client{
		Options:  o,
		process:  ctx,
		endpoint: "http://" + o.RuntimeAPI + "/2018-06-01/runtime/invocation/",
		http:     &http.Client{Transport: &http.Transport{DialContext: o.Dial}},
		call:     adapt(fn),
	}
	looping, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var loops sync.WaitGroup
	for range o.Loops {
		loops.Go(func() {
			defer func() {
				if looping.Err() == nil { // by runtime.Goexit: the process lives on
					<-ctx.Done()
				}
			}()
			cancel(client.loop(looping))
		})
	}
	loops.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(looping)
}

// client is the function's side of the Runtime API.
type client struct {
	Options

	process  context.Context // ends with the process; the end of the loops does not end an invocation
	endpoint string
	http     *http.Client
	call     handlerFunc
}

// loop serves invocations until an error, which it returns.
func (c *client) loop(ctx context.Context) error {
	for {
		header, payload, err := c.next(ctx)
		if err != nil {
			return err
		}
		if err := c.serve(header, payload); err != nil {
			return err
		}
	}
}

// errPanicked ends the loop after a panic has been posted.
var errPanicked = errors.New("calling the handler function resulted in a panic, the process should exit")

// serve is one invocation.
func (c *client) serve(header http.Header, payload []byte) error {
	id := header.Get(api.HeaderRequestID)
	ctx, cancel, err := c.invocationContext(header)
	defer cancel()
	if err != nil {
		return c.fail(id, describe(err))
	}
	response, failed := c.protect(ctx, payload)
	if failed != nil {
		if err := c.fail(id, failed); err != nil {
			return err
		}
		if failed.ShouldExit {
			return errPanicked
		}
		return nil
	}
	if closer, ok := response.(io.Closer); ok {
		defer closer.Close() // after the post, before cancel
	}
	contentType := "application/octet-stream"
	if typed, ok := response.(interface{ ContentType() string }); ok {
		contentType = typed.ContentType()
	}
	return c.post(id+"/response", response, contentType)
}

// invocationContext builds the function's context. cancel is never nil.
func (c *client) invocationContext(header http.Header) (ctx context.Context, cancel context.CancelFunc, err error) {
	ms, err := strconv.ParseInt(header.Get(api.HeaderDeadline), 10, 64)
	if err != nil {
		return nil, func() {}, fmt.Errorf("failed to parse deadline: %w", err)
	}
	ctx, cancel = context.WithDeadline(c.process, time.UnixMilli(ms))
	lc := lambdacontext.LambdaContext{
		AwsRequestID:       header.Get(api.HeaderRequestID),
		InvokedFunctionArn: header.Get(api.HeaderInvokedARN),
		TenantID:           header.Get(api.HeaderTenantID),
	}
	for name, target := range map[string]any{api.HeaderClientContext: &lc.ClientContext, api.HeaderCognitoIdentity: &lc.Identity} {
		if value := header.Get(name); value != "" {
			if err := json.Unmarshal([]byte(value), target); err != nil {
				return nil, cancel, fmt.Errorf("failed to unmarshal %s: %w", name, err)
			}
		}
	}
	traceID := header.Get(api.HeaderTraceID)
	if c.Loops == 1 {
		c.Setenv("_X_AMZN_TRACE_ID", traceID)
	}
	ctx = lambdacontext.NewContext(ctx, &lc)
	//nolint:staticcheck // aws-lambda-go's own key is this string
	return context.WithValue(ctx, "x-amzn-trace-id", traceID), cancel, nil
}

// protect calls the function and turns an error or a panic into the body of the post.
func (c *client) protect(ctx context.Context, payload []byte) (response io.Reader, failed *messages.InvokeResponse_Error) {
	defer func() {
		if reason := recover(); reason != nil {
			failed = describePanic(reason)
		}
	}()
	response, err := c.call(ctx, payload)
	if err != nil {
		return nil, describe(err)
	}
	return response, nil
}

func (c *client) next(ctx context.Context) (http.Header, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.endpoint+"next", http.NoBody)
	if err != nil {
		return nil, nil, fmt.Errorf("make request for the next invocation: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("get the next invocation: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("get the next invocation: status %d", resp.StatusCode)
	}
	payload, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("read the next invocation: %w", err)
	}
	return resp.Header, payload, nil
}

// fail posts an error, which aws-lambda-go also logs.
func (c *client) fail(id string, failed *messages.InvokeResponse_Error) error {
	body := marshalError(failed)
	fmt.Fprintf(c.Stderr, "%s\n", body)
	return c.post(id+"/error", bytes.NewReader(body), "application/json")
}

func (c *client) post(path string, body io.Reader, contentType string) error {
	reader := &trailingReader{reader: body, trailer: http.Header{api.HeaderErrorType: nil, api.HeaderErrorBody: nil}}
	req, err := http.NewRequestWithContext(c.process, http.MethodPost, c.endpoint+path, reader)
	if err != nil {
		return fmt.Errorf("make request to post %s: %w", path, err)
	}
	req.Trailer = reader.trailer
	req.Header.Set("Content-Type", contentType)
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("post %s: %w", path, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("post %s: status %d", path, resp.StatusCode)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return fmt.Errorf("post %s: read the answer: %w", path, err)
	}
	return nil
}

// trailingReader ends a body whose reader fails, and sends the error in trailers.
type trailingReader struct {
	reader  io.Reader
	trailer http.Header
}

func (r *trailingReader) Read(b []byte) (int, error) {
	if r.reader == nil {
		return 0, io.EOF
	}
	n, err := r.reader.Read(b)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	failed := describe(err)
	r.trailer.Set(api.HeaderErrorType, failed.Type)
	r.trailer.Set(api.HeaderErrorBody, base64.StdEncoding.EncodeToString(marshalError(failed)))
	return 0, io.EOF
}
