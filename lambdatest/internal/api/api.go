// Package api is the HTTP front of a sandbox: the Runtime API (2018-06-01) and the Extensions API (2020-01-01).
package api

import (
	"encoding/json"
	"net/http"

	"github.com/epilogue-go/epilogue/lambdatest/internal/sandbox"
)

// Config describes the function, and the faults of the Extensions API.
type Config struct {
	FunctionName, FunctionVersion, Handler, AccountID, ARN string

	Register, Next Fault
}

// API serves one sandbox.
type API struct {
	box           *sandbox.Sandbox
	config        Config
	registerFault faultCount
	nextFault     faultCount
}

// New returns the front of box.
func New(box *sandbox.Sandbox, c Config) http.Handler {
	a := &API{box: box, config: c, registerFault: faultCount{Fault: c.Register}, nextFault: faultCount{Fault: c.Next}}
	const runtimeAPI, extensionsAPI = "/2018-06-01/runtime", "/2020-01-01/extension"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimeAPI+"/invocation/next", a.runtimeNext)
	mux.HandleFunc("POST "+runtimeAPI+"/invocation/{id}/response", a.response)
	mux.HandleFunc("POST "+runtimeAPI+"/invocation/{id}/error", a.invocationError)
	mux.HandleFunc("POST "+runtimeAPI+"/init/error", a.initError)
	mux.HandleFunc("POST "+extensionsAPI+"/register", a.register)
	mux.HandleFunc("GET "+extensionsAPI+"/event/next", a.extensionNext)
	mux.HandleFunc("POST "+extensionsAPI+"/init/error", a.extensionError(sandbox.InitError))
	mux.HandleFunc("POST "+extensionsAPI+"/exit/error", a.extensionError(sandbox.ExitError))
	return mux
}

func refuse(w http.ResponseWriter, why *sandbox.Refusal) { writeJSON(w, why.Status, why.ErrorBody) }

// writeAccepted answers a post: with 202, or with the refusal if there is one.
func writeAccepted(w http.ResponseWriter, refusal *sandbox.Refusal) {
	if refusal != nil {
		refuse(w, refusal)
		return
	}
	writeBody(w, http.StatusAccepted, []byte(`{"status":"OK"}`))
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"errorType":"InternalServerError"}`)
	}
	writeBody(w, status, body)
}

// writeBody answers with body and the content type of JSON, even if a fault or a caller has set another body.
func writeBody(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error means that the function hung up
}

// hangUp closes the connection without an answer, by net/http's panic value.
func hangUp() { panic(http.ErrAbortHandler) }
