package logger

import (
	"io"
	"log/slog"
)

// ForLambda returns the logger that the environment of a function asks for. With AWS_LAMBDA_LOG_FORMAT=JSON a line
// is an object with the members timestamp, level and message, as Lambda's log filter expects; otherwise it is slog's
// text. Lines below AWS_LAMBDA_LOG_LEVEL, by default INFO, are left out.
func ForLambda(w io.Writer, getenv func(string) string) *slog.Logger {
	options := &slog.HandlerOptions{Level: lambdaLevel(getenv("AWS_LAMBDA_LOG_LEVEL"))}
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

// lambdaLevel returns the level that a value of AWS_LAMBDA_LOG_LEVEL means, INFO for an unknown one (AWS Lambda Developer
// Guide, "Log-level filtering").
func lambdaLevel(name string) slog.Level {
	switch name {
	case "TRACE":
		return slog.LevelDebug - 4
	case "DEBUG":
		return slog.LevelDebug
	case "WARN":
		return slog.LevelWarn
	case "ERROR":
		return slog.LevelError
	case "FATAL":
		return slog.LevelError + 4
	default:
		return slog.LevelInfo
	}
}
