// Package handler instruments an AWS Lambda handler: a span for each invocation.
package handler
