package lambdatest

import "net/http"

// faultCount is a Fault and the number of calls so far. Guarded by sandbox.mu.
type faultCount struct {
	Fault

	calls int
}

// take counts a call and returns the fault if this call is to fail.
func (f *faultCount) take() (Fault, bool) {
	if f.Fault == (Fault{}) {
		return Fault{}, false
	}
	f.calls++
	failed := f.calls - f.Skip
	return f.Fault, failed > 0 && (f.Times == 0 || failed <= f.Times)
}

// remembers reports whether the platform registers the extension in spite of the fault.
func (f Fault) remembers() bool {
	return !f.Cut && !f.OmitIdentifier && f.refusal().status == http.StatusOK
}

// onlyOmits reports whether the answer only lacks the identifier.
func (f Fault) onlyOmits() bool {
	f.Skip, f.Times = 0, 0
	return f == Fault{OmitIdentifier: true}
}

// refusal is the fault as a refusal.
func (f Fault) refusal() *apiError {
	e := &apiError{http.StatusOK, errorBody{Type: "Extension.InternalError", Message: "a fault on purpose"}}
	if f.Status != 0 {
		e.status = f.Status
	}
	if f.ErrorType != "" {
		e.body.Type = f.ErrorType
	}
	return e
}

// write answers a call with the fault.
func (f Fault) write(w http.ResponseWriter) {
	switch {
	case f.Cut:
		hangUp()
	case f.Body != "":
		writeBody(w, f.refusal().status, []byte(f.Body))
	default:
		f.refusal().write(w)
	}
}
