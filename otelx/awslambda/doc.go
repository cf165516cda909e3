// Package awslambda adapts otelx to an AWS Lambda function: the function's resource, sizes that suit its memory, and X-Ray if no
// endpoint is set.
//
//	tel, err := otelx.New(ctx, awslambda.Defaults())
//
// [Defaults] reads the environment variables that Lambda sets for a function (AWS Lambda Developer Guide, "Defined
// runtime environment variables") and proposes settings. Every option and OTEL_* variable of the user wins over them. Outside
// Lambda it adds only names for OTEL_PROPAGATORS, so the same main runs in a test or on a developer's machine.
package awslambda
