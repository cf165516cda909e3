package lambdatest

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"time"
)

// variables returns the function's whole environment: the service's variables (AWS Lambda Developer Guide, "Defined
// runtime environment variables"), then Config.Env. AWS_EXECUTION_ENV is not set on provided.* runtimes, nor
// AWS_LAMBDA_LOG_LEVEL with the Text log format. The credentials are invalid.
func (c *Config) variables(runtimeAPI string) []string {
	initialization := "on-demand"
	if c.ManagedInstances {
		initialization = "lambda-managed-instances"
	}
	vars := []string{
		"AWS_LAMBDA_RUNTIME_API=" + runtimeAPI,
		"AWS_LAMBDA_FUNCTION_NAME=" + c.FunctionName,
		"AWS_LAMBDA_FUNCTION_VERSION=" + c.FunctionVersion,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(c.MemorySize),
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + c.FunctionName,
		"AWS_LAMBDA_LOG_STREAM_NAME=" + time.Now().UTC().Format("2006/01/02") + "/[" + c.FunctionVersion + "]" + randomHex(16),
		"AWS_LAMBDA_LOG_FORMAT=Text",
		"AWS_LAMBDA_INITIALIZATION_TYPE=" + initialization,
		"AWS_REGION=" + c.Region,
		"AWS_DEFAULT_REGION=" + c.Region,
		"AWS_ACCESS_KEY_ID=local",
		"AWS_SECRET_ACCESS_KEY=local",
		"AWS_SESSION_TOKEN=local",
		"AWS_XRAY_DAEMON_ADDRESS=127.0.0.1:2000",
		"LAMBDA_TASK_ROOT=/var/task",
		"LAMBDA_RUNTIME_DIR=/var/runtime",
		"_HANDLER=" + c.Handler,
		"TZ=:UTC",
		"LANG=en_US.UTF-8",
		"PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin",
	}
	if c.ManagedInstances {
		vars = append(vars, "AWS_LAMBDA_MAX_CONCURRENCY="+strconv.Itoa(c.Concurrency))
	}
	return append(vars, c.Env...)
}

// arn returns the ARN of an unqualified invocation.
func (c *Config) arn() string {
	return "arn:aws:lambda:" + c.Region + ":" + c.AccountID + ":function:" + c.FunctionName
}

// randomHex returns n random bytes in hexadecimal.
func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
