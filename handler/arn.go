package handler

import (
	"strings"
	"sync/atomic"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// alias is the content of the ARN by which a function was invoked.
type alias struct {
	arn        string
	function   string // its name; empty if arn is not a function's
	attributes []attribute.KeyValue
}

// aliases caches the last alias: a function has few, and usually one.
type aliases struct{ last atomic.Pointer[alias] }

// of returns the alias of arn, which may be empty.
func (a *aliases) of(arn string) *alias {
	if last := a.last.Load(); last != nil && last.arn == arn {
		return last
	}
	read := &alias{arn: arn, function: functionName(arn)}
	if arn != "" {
		read.attributes = append(read.attributes, semconv.AWSLambdaInvokedARN(arn))
	}
	if account, resource := functionARN(arn, lambdacontext.FunctionVersion); account != "" {
		read.attributes = append(read.attributes, semconv.CloudAccountID(account), semconv.CloudResourceID(resource))
	}
	a.last.Store(read)
	return read
}

// A function's ARN has seven parts, and an eighth if it names a version or an alias:
// arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER] (AWS Lambda Developer Guide, "Lambda ARN format").
const (
	arnAccount  = 4
	arnFunction = 6
)

// functionARN returns the account of an invoked function's ARN and the function's own ARN. The version that runs
// replaces a qualifier, which may be one of several aliases; without a version the qualifier is left out (OpenTelemetry
// resource conventions, cloud.resource_id). Both are empty if arn is not a function's.
func functionARN(arn, version string) (account, resource string) {
	account, name := arnPart(arn, arnAccount), functionName(arn)
	if account == "" || name == "" {
		return "", ""
	}
	end := nthColon(arn, arnFunction+1)
	if end < 0 {
		return account, arn
	}
	if version == "" {
		return account, arn[:end]
	}
	return account, arn[:end] + ":" + version
}

// functionName returns the name in a function's ARN.
func functionName(arn string) string { return arnPart(arn, arnFunction) }

// arnPart returns the n-th part of arn, from 0; empty if there is none.
func arnPart(arn string, n int) string {
	start := nthColon(arn, n)
	if start < 0 {
		return ""
	}
	part, _, _ := strings.Cut(arn[start+1:], ":")
	return part
}

// nthColon returns the index of the n-th colon of s, from 1, or -1.
func nthColon(s string, n int) int {
	at := -1
	for range n {
		next := strings.IndexByte(s[at+1:], ':')
		if next < 0 {
			return -1
		}
		at += 1 + next
	}
	return at
}
