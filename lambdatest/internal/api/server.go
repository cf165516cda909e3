package api

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// Server serves a process's APIs on one listener.
type Server struct {
	server http.Server
	wait   sync.WaitGroup // the accept loop and each connection
}

// Serve serves h on l until Close.
func Serve(l net.Listener, h http.Handler) *Server {
	s := &Server{}
	s.server = http.Server{
		Handler:  h,
		ErrorLog: log.New(io.Discard, "", 0),
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				s.wait.Add(1)
			case http.StateClosed, http.StateHijacked:
				s.wait.Done()
			case http.StateActive, http.StateIdle:
			}
		},
	}
	s.wait.Go(func() {
		if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			_ = l.Close()
		}
	})
	return s
}

// Close closes the listener and all connections, and waits for their goroutines.
func (s *Server) Close() {
	_ = s.server.Close()
	s.wait.Wait()
}
