package matrix

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

// platform is a state of the platform.
type platform struct {
	name   string
	doc    string
	config lambdatest.Config
	env    []string
	window time.Duration // between SIGTERM and SIGKILL
	beside bool          // an external extension

	unregistered bool // no extension: the platform ends the process with SIGKILL alone
	unheld       bool // nothing holds the environment after the outcome
}

// Between SIGTERM and SIGKILL (AWS Lambda Developer Guide, Lambda execution environment lifecycle, Shutdown phase).
const (
	alone  = 500 * time.Millisecond
	shared = 300 * time.Millisecond
)

var platforms = []platform{
	{
		name:   "normal",
		doc:    "The agent is registered for INVOKE and sees it before the handler runs.",
		config: lambdatest.Config{Order: lambdatest.OrderInvokeFirst}, window: alone,
	},
	{
		name:   "INVOKE late",
		doc:    "The agent sees INVOKE when the runtime has already asked for the next invocation.",
		config: lambdatest.Config{Order: lambdatest.OrderInvokeLast}, window: alone,
	},
	{
		name: "registration refused",
		doc: "The platform has no extension of ours: nothing holds the environment after a response, and it ends the process " +
			"with SIGKILL alone, in the rows of SIGTERM too.",
		config: lambdatest.Config{Faults: lambdatest.Faults{Register: lambdatest.Fault{
			Status: http.StatusForbidden, ErrorType: "Extension.TooManyExtensions",
		}}},
		unregistered: true, unheld: true,
	},
	{
		name: "next broken",
		doc:  "The agent is registered, but each of its calls for the next event fails: nothing holds the environment after a response.",
		config: lambdatest.Config{Faults: lambdatest.Faults{Next: lambdatest.Fault{
			Status: http.StatusInternalServerError,
		}}},
		window: alone,
		env:    []string{awaitedState + "=extension-failed"},
		unheld: true,
	},
	{
		name: "external extension present",
		doc:  "As normal, with 300 ms between SIGTERM and SIGKILL in place of 500 ms.",
		config: lambdatest.Config{
			Order: lambdatest.OrderInvokeFirst, ExternalExtensions: []lambdatest.ExternalExtension{{Name: neighbour}},
		},
		window: shared, beside: true,
	},
}

// neighbour is the external extension.
const neighbour = "neighbour"

// variables are what the platform adds to the function's environment.
func (p *platform) variables(t *testing.T) []string {
	if !p.beside {
		return p.env
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, neighbour), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{extensionsDir + "=" + dir}
}
