// Package requestid carries an invocation's request id in a context, from package handler to the log records of otelx.
package requestid

import "context"

type key struct{}

// With returns ctx with the request id of an invocation.
func With(ctx context.Context, id string) context.Context { return context.WithValue(ctx, key{}, id) }

// From returns the request id in ctx; empty if there is none.
func From(ctx context.Context) string {
	id, _ := ctx.Value(key{}).(string)
	return id
}
