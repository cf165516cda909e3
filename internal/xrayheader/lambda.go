package xrayheader

import (
	"context"
	"os"
	"strconv"
)

// OfInvocation returns the header that Lambda gave with the invocation of ctx, empty if it gave none: the one that
// aws-lambda-go keeps in ctx, which is right also if several invocations run at once; else that of the environment,
// which is right only if one does.
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
// does: what is no number counts as 1 (AWS Lambda Developer Guide, "Lambda Managed Instances").
func concurrent() bool {
	s := os.Getenv("AWS_LAMBDA_MAX_CONCURRENCY")
	if s == "" { // as mostly; Atoi would make an error of it
		return false
	}
	n, err := strconv.Atoi(s)
	return err == nil && n > 1
}
