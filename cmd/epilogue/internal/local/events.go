package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/cli"
)

// maxEvent is the largest payload of a synchronous invocation, 6 MB (AWS Lambda Developer Guide, Lambda quotas).
const maxEvent = 6 << 20

// Event is a payload and a short description.
type Event struct {
	Title   string
	Payload []byte
}

// AwaitEvents is readEvents until ctx ends, because a terminal or a pipe may never end. The read itself continues until then.
func AwaitEvents(ctx context.Context, names []string, in io.Reader) ([]Event, error) {
	type result struct {
		events []Event
		err    error
	}
	read := make(chan result, 1)
	go func() {
		events, err := readEvents(names, in)
		read <- result{events, err}
	}()
	select {
	case r := <-read:
		return r.events, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// readEvents reads the named events: files, or "-" for in. Without a name there is one event {}.
func readEvents(names []string, in io.Reader) ([]Event, error) {
	if len(names) == 0 {
		return []Event{{Title: "{}", Payload: []byte("{}")}}, nil
	}
	var events []Event
	for _, name := range names {
		e, err := ReadEvent(name, in)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// ReadEvent reads the event in a file, or "-" for in.
func ReadEvent(name string, in io.Reader) (Event, error) {
	title := "standard input"
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return Event{}, cli.Usagef("-event %s: %v", name, errors.Unwrap(err))
		}
		defer func() { _ = file.Close() }() // it was only read
		in, title = file, strings.TrimSuffix(filepath.Base(name), ".json")
	}
	payload, err := io.ReadAll(io.LimitReader(in, maxEvent+1))
	if err != nil {
		return Event{}, fmt.Errorf("read event %s: %w", name, err)
	}
	if err := checkEvent(payload); err != nil {
		return Event{}, cli.Usagef("-event %s: %v", name, err)
	}
	return Event{Title: describe(title, payload), Payload: payload}, nil
}

// checkEvent refuses what Lambda's Invoke API refuses: an event is JSON, of any kind, of at most 6 MB.
func checkEvent(payload []byte) error {
	if len(payload) > maxEvent {
		return fmt.Errorf("more than %d bytes, which Lambda refuses with 413", maxEvent)
	}
	var any json.RawMessage
	err := json.Unmarshal(payload, &any)
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		line := 1 + strings.Count(string(payload[:min(int(syntax.Offset), len(payload))]), "\n")
		return fmt.Errorf("not JSON, which Lambda refuses: line %d: %w", line, err)
	default:
		return fmt.Errorf("not JSON, which Lambda refuses: %w", err)
	}
}

// describe returns the method and path of an event of API Gateway (payload format 2.0) or a function URL, else title.
func describe(title string, payload []byte) string {
	var e struct {
		RawPath        string `json:"rawPath"`
		RequestContext struct {
			HTTP struct {
				Method string `json:"method"`
			} `json:"http"`
		} `json:"requestContext"`
	}
	if json.Unmarshal(payload, &e) != nil || e.RequestContext.HTTP.Method == "" {
		return title
	}
	return e.RequestContext.HTTP.Method + " " + e.RawPath
}
