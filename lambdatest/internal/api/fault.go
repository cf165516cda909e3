package api

import (
	"net/http"
	"sync"

	"github.com/epilogue-go/epilogue/lambdatest/internal/sandbox"
)

// Fault is an answer instead of the right one. The zero value is no fault. Package lambdatest documents the fields.
type Fault struct {
	Status         int
	ErrorType      string
	Body           string
	OmitIdentifier bool
	Cut            bool
	Skip           int
	Times          int
}

// faultCount is a Fault and the number of calls so far.
type faultCount struct {
	Fault

	mu    sync.Mutex
	calls int
}

// take counts a call and reports whether this call is to fail.
func (f *faultCount) take() bool {
	if f.Fault == (Fault{}) {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	failed := f.calls - f.Skip
	return failed > 0 && (f.Times == 0 || failed <= f.Times)
}

// remembers reports whether the platform registers the extension in spite of the fault.
func (f Fault) remembers() bool {
	return !f.Cut && !f.OmitIdentifier && f.refusal().Status == http.StatusOK
}

// onlyOmits reports whether the answer only lacks the identifier.
func (f Fault) onlyOmits() bool {
	f.Skip, f.Times = 0, 0
	return f == Fault{OmitIdentifier: true}
}

// refusal is the fault as a refusal.
func (f Fault) refusal() *sandbox.Refusal {
	r := &sandbox.Refusal{
		Status: http.StatusOK, ErrorBody: sandbox.ErrorBody{Type: "Extension.InternalError", Message: "a fault on purpose"},
	}
	if f.Status != 0 {
		r.Status = f.Status
	}
	if f.ErrorType != "" {
		r.Type = f.ErrorType
	}
	return r
}

// write answers a call with the fault.
func (f Fault) write(w http.ResponseWriter) {
	switch {
	case f.Cut:
		hangUp()
	case f.Body != "":
		writeBody(w, f.refusal().Status, []byte(f.Body))
	default:
		refuse(w, f.refusal())
	}
}
