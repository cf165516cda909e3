// Package awslambda adapts otelx to an AWS Lambda function: the function's resource, sizes that suit its memory, and the
// way to X-Ray where no other is set.
//
//	tel, err := otelx.New(ctx, awslambda.Defaults())
//
// [Defaults] reads the environment variables that Lambda sets for a function (AWS Lambda Developer Guide, "Defined
// runtime environment variables") and proposes settings; everything the user sets, by option or by OTEL_* variable,
// beats it. Outside Lambda it adds no more than names for OTEL_PROPAGATORS, so that the same main runs in a test or on a
// desk.
package awslambda
