package lambdatest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Serve is lambda.Start: it serves invocations with fn, any handler that lambda.Start accepts. Its visible order is that of
// aws-lambda-go 1.55:
//
//   - A response: next; call; post the response; close it if it is an io.Closer; cancel the invocation's context; next.
//   - An error: post it; cancel the context; next.
//   - A panic: post the error, without a stack trace; exit with code 1.
//   - A refused post: close the response; cancel the context; exit with code 1.
//   - runtime.Goexit in fn ends its loop only, so the invocation times out.
//
// On Managed Instances there are as many loops as concurrent invocations. If one of them ends, the others finish their
// invocations, and then the process exits.
//
// It does not return: it ends with runtime.Goexit when the process does.
//
// The result of lambda.NewHandler is served as any lambda.Handler, with a content type of application/octet-stream.
func (p *Process) Serve(fn any) {
	client := &runtimeClient{
		process:  p,
		endpoint: "http://" + p.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/",
		http:     &http.Client{Transport: &http.Transport{DialContext: p.Dial}},
		call:     adapt(fn),
	}
	ctx, cancel := context.WithCancelCause(p.ctx)
	defer cancel(nil)
	var loops sync.WaitGroup
	for range p.boot.loops {
		loops.Go(func() {
			defer func() {
				if ctx.Err() == nil { // by runtime.Goexit: the process lives on
					<-p.ctx.Done()
				}
			}()
			cancel(client.loop(ctx))
		})
	}
	loops.Wait()
	if p.ctx.Err() == nil {
		fmt.Fprintf(p.boot.stderr, "%v\n", context.Cause(ctx))
		p.Exit(1)
	}
	runtime.Goexit()
}

// runtimeClient is the function's side of the Runtime API.
type runtimeClient struct {
	process  *Process
	endpoint string
	http     *http.Client
	call     handlerFunc
}

// loop serves invocations until an error, which it returns.
func (c *runtimeClient) loop(ctx context.Context) error {
	for {
		header, payload, err := c.next(ctx)
		if err != nil {
			return err
		}
		//nolint:contextcheck // the end of the loops does not end an invocation
		if err := c.serve(header, payload); err != nil {
			return err
		}
	}
}

// errPanicked ends the loop after a panic has been posted.
var errPanicked = errors.New("calling the handler function resulted in a panic, the process should exit")

// serve is one invocation.
func (c *runtimeClient) serve(header http.Header, payload []byte) error {
	id := header.Get(headerRequestID)
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
func (c *runtimeClient) invocationContext(header http.Header) (ctx context.Context, cancel context.CancelFunc, err error) {
	ms, err := strconv.ParseInt(header.Get(headerDeadline), 10, 64)
	if err != nil {
		return nil, func() {}, fmt.Errorf("failed to parse deadline: %w", err)
	}
	ctx, cancel = context.WithDeadline(c.process.ctx, time.UnixMilli(ms))
	lc := lambdacontext.LambdaContext{
		AwsRequestID:       header.Get(headerRequestID),
		InvokedFunctionArn: header.Get(headerInvokedARN),
		TenantID:           header.Get(headerTenantID),
	}
	for name, target := range map[string]any{headerClientContext: &lc.ClientContext, headerCognitoIdentity: &lc.Identity} {
		if value := header.Get(name); value != "" {
			if err := json.Unmarshal([]byte(value), target); err != nil {
				return nil, cancel, fmt.Errorf("failed to unmarshal %s: %w", name, err)
			}
		}
	}
	traceID := header.Get(headerTraceID)
	if c.process.boot.loops == 1 {
		c.process.setenv("_X_AMZN_TRACE_ID", traceID)
	}
	ctx = lambdacontext.NewContext(ctx, &lc)
	//nolint:staticcheck // aws-lambda-go's own key is this string
	return context.WithValue(ctx, "x-amzn-trace-id", traceID), cancel, nil
}

// protect calls the function and turns an error or a panic into the body of the post.
func (c *runtimeClient) protect(ctx context.Context, payload []byte) (response io.Reader, failed *messages.InvokeResponse_Error) {
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

func (c *runtimeClient) next(ctx context.Context) (http.Header, []byte, error) {
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
func (c *runtimeClient) fail(id string, failed *messages.InvokeResponse_Error) error {
	body := marshalError(failed)
	fmt.Fprintf(c.process.boot.stderr, "%s\n", body)
	return c.post(id+"/error", bytes.NewReader(body), "application/json")
}

func (c *runtimeClient) post(path string, body io.Reader, contentType string) error {
	reader := &trailingReader{reader: body, trailer: http.Header{headerErrorType: nil, headerErrorBody: nil}}
	req, err := http.NewRequestWithContext(c.process.ctx, http.MethodPost, c.endpoint+path, reader)
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
	r.trailer.Set(headerErrorType, failed.Type)
	r.trailer.Set(headerErrorBody, base64.StdEncoding.EncodeToString(marshalError(failed)))
	return 0, io.EOF
}
