package lambdatest

// Invocation is a caller's request. Empty fields are left out, except for the request ID.
type Invocation struct {
	RequestID       string // default: a random UUID
	Payload         []byte // the event; default "{}"
	TraceHeader     string // X-Ray's, as in "Root=…;Parent=…;Sampled=1"
	ClientContext   string // JSON
	CognitoIdentity string // JSON
	TenantID        string
}

// Response is the caller's response. A failure of the function is a Response too, not an error of Invoke.
type Response struct {
	RequestID     string
	Payload       []byte // of the response, or the JSON error
	ContentType   string // as the runtime posted it
	StatusCode    int    // 200, also for a function's error, as the service's Invoke API answers
	FunctionError string // "" or "Unhandled"
	ErrorType     string // decoded from Payload if FunctionError is set
	ErrorMessage  string // the same
	TimedOut      bool   // the deadline passed first
	Cold          bool   // the invocation started the process
}

// errorBody is the JSON of an error, from a runtime or from the platform.
type errorBody struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
}
