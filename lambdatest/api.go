package lambdatest

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// handler serves the Runtime API (2018-06-01) and the Extensions API (2020-01-01).
func (s *sandbox) handler() http.Handler {
	const runtimeAPI, extensionsAPI = "/2018-06-01/runtime", "/2020-01-01/extension"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimeAPI+"/invocation/next", s.runtimeNext)
	mux.HandleFunc("POST "+runtimeAPI+"/invocation/{id}/response", s.response)
	mux.HandleFunc("POST "+runtimeAPI+"/invocation/{id}/error", s.invocationError)
	mux.HandleFunc("POST "+runtimeAPI+"/init/error", s.initError)
	mux.HandleFunc("POST "+extensionsAPI+"/register", s.register)
	mux.HandleFunc("GET "+extensionsAPI+"/event/next", s.extensionNext)
	mux.HandleFunc("POST "+extensionsAPI+"/init/error", s.extensionError(KindInitError))
	mux.HandleFunc("POST "+extensionsAPI+"/exit/error", s.extensionError(KindExitError))
	return mux
}

// apiError is a refusal: a status and its JSON body.
type apiError struct {
	status int
	body   errorBody
}

func forbidden(errorType, message string) *apiError {
	return &apiError{http.StatusForbidden, errorBody{Type: errorType, Message: message}}
}

func (e *apiError) write(w http.ResponseWriter) { writeJSON(w, e.status, e.body) }

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"errorType":"InternalServerError"}`)
	}
	writeBody(w, status, body)
}

func writeAccepted(w http.ResponseWriter) {
	writeBody(w, http.StatusAccepted, []byte(`{"status":"OK"}`))
}

// writeBody answers with body and the content type of JSON, even if a fault or a caller has set another body.
func writeBody(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error means that the function hung up
}

// hangUp closes the connection without an answer, by net/http's panic value.
func hangUp() { panic(http.ErrAbortHandler) }

// apiServer serves a process's API on one listener. close waits for the last of its goroutines.
type apiServer struct {
	server http.Server
	wait   sync.WaitGroup // the accept loop and each connection
}

// serveAPI serves h on l until close.
func serveAPI(l net.Listener, h http.Handler) *apiServer {
	a := &apiServer{}
	a.server = http.Server{
		Handler:  h,
		ErrorLog: log.New(io.Discard, "", 0),
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				a.wait.Add(1)
			case http.StateClosed, http.StateHijacked:
				a.wait.Done()
			case http.StateActive, http.StateIdle:
			}
		},
	}
	a.wait.Go(func() {
		if err := a.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			_ = l.Close()
		}
	})
	return a
}

// close closes the listener and all connections, and waits for their goroutines.
func (a *apiServer) close() {
	_ = a.server.Close()
	a.wait.Wait()
}
