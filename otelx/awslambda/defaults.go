package awslambda

import "github.com/epilogue-go/epilogue/otelx"

// Defaults proposes what suits a Lambda function.
func Defaults() otelx.Option { return otelx.FromEnv(func(func(string) string) otelx.Option { return nil }) }
