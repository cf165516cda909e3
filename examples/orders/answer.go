package main

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// rejection is an answer other than 2xx: the status and a sentence for the caller.
type rejection struct {
	status  int
	message string
}

func (r *rejection) Error() string { return r.message }

func reject(status int, format string, args ...any) *rejection {
	return &rejection{status: status, message: fmt.Sprintf(format, args...)}
}

// answer encodes body, which must be encodable.
func answer(status int, body any) response {
	data, err := json.Marshal(body)
	if err != nil {
		return response{StatusCode: http.StatusInternalServerError}
	}
	return response{
		StatusCode: status,
		Headers:    map[string]string{"content-type": "application/json"},
		Body:       string(data),
	}
}

func failure(status int, message string) response {
	return answer(status, map[string]string{"error": message})
}

func methodNotAllowed(allowed string) response {
	res := failure(http.StatusMethodNotAllowed, "the method here is "+allowed)
	res.Headers["allow"] = allowed
	return res
}
