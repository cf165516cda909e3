package xrayheader

import (
	"context"
	"os"
	"strconv"
)

// OfInvocation returns the header that Lambda sent with the invocation of ctx, or "" if there is none. It takes the
// value that aws-lambda-go keeps in ctx. Without one it takes the environment variable, which is right only if one
// invocation runs at a time.
func OfInvocation(ctx context.Context) string {
	if s, _ := ctx.Value(ContextKey).(string); s != "" {
		return s
	}
	s := os.Getenv(EnvKey)
	if s == "" || concurrent() {
		return ""
	}
	return s
}

// concurrent reports whether several invocations run at once in this process. It reads the variable as aws-lambda-go
// does: a value that is not a number counts as 1 (AWS Lambda Developer Guide, "Lambda Managed Instances").
func concurrent() bool {
	s := os.Getenv("AWS_LAMBDA_MAX_CONCURRENCY")
	if s == "" { // the usual case; Atoi would allocate an error
		return false
	}
	n, err := strconv.Atoi(s)
	return err == nil && n > 1
}
