package logger

import (
	"io"
	"log/slog"
)

// ForLambda returns the logger that the environment of a function asks for. With AWS_LAMBDA_LOG_FORMAT=JSON a line
// is an object with the members timestamp, level and message, as Lambda's log filter expects; otherwise it is slog's
// text. Lines below AWS_LAMBDA_LOG_LEVEL, by default INFO, are left out.
func ForLambda(w io.Writer, getenv func(string) string) *slog.Logger {
	options := &slog.HandlerOptions{Level: lambdaLevels[getenv("AWS_LAMBDA_LOG_LEVEL")]}
	if getenv("AWS_LAMBDA_LOG_FORMAT") != "JSON" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	options.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) > 0 {
			return a
		}
		switch a.Key {
		case slog.TimeKey:
			a.Key = "timestamp"
		case slog.MessageKey:
			a.Key = "message"
		}
		return a
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// lambdaLevels are the levels that the values of AWS_LAMBDA_LOG_LEVEL mean, INFO for an unknown one (AWS Lambda Developer
// Guide, "Log-level filtering").
var lambdaLevels = map[string]slog.Level{
	"TRACE": slog.LevelDebug - 4, "DEBUG": slog.LevelDebug, "WARN": slog.LevelWarn,
	"ERROR": slog.LevelError, "FATAL": slog.LevelError + 4,
}
