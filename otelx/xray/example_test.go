package xray_test

import (
	"context"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/xray"
)

// A service sends to X-Ray's OTLP endpoint, with credentials of any provider, such as aws-sdk-go-v2/config's.
func ExampleOTLP() {
	ctx := context.Background()
	var credentials aws.CredentialsProvider // cfg.Credentials
	tel, err := otelx.New(ctx, xray.OTLP("eu-west-1", xray.WithCredentials(credentials)))
	if err != nil {
		slog.Error("telemetry", "error", err)
	}
	defer func() { _ = tel.Shutdown(ctx) }()
}

// A service sends to an X-Ray daemon, with trace ids that have the time in them.
func ExampleUDP() {
	ctx := context.Background()
	tel, err := otelx.New(ctx, xray.UDP("127.0.0.1:2000"), otelx.WithIDGenerator(xray.IDGenerator{}))
	if err != nil {
		slog.Error("telemetry", "error", err)
	}
	defer func() { _ = tel.Shutdown(ctx) }()
}
