package matrix

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
)

// platform is a state of the platform.
type platform struct {
	name   string
	doc    string
	config lambdatest.Config
	all    bool // it is tested with all backends, and has a table of its own

	unregistered bool // no extension: the platform ends the process with SIGKILL alone
	unheld       bool // nothing holds the environment after the outcome
}

const external = "external" // the name of the external extension

var platforms = []platform{
	{
		name:   "normal",
		doc:    "The agent is registered for INVOKE and sees it before the handler runs.",
		config: lambdatest.Config{Order: lambdatest.OrderInvokeFirst}, all: true,
	},
	{
		name: "registration refused",
		doc: "The platform has no extension of ours. Nothing holds the environment after a response, and the platform ends the " +
			"process with SIGKILL alone, also in the rows of SIGTERM.",
		config: lambdatest.Config{Faults: lambdatest.Faults{Register: lambdatest.Fault{
			Status: http.StatusForbidden, ErrorType: "Extension.TooManyExtensions",
		}}},
		all: true, unregistered: true, unheld: true,
	},
	{
		name:   "INVOKE late",
		doc:    "The agent sees INVOKE when the runtime has already asked for the next invocation.",
		config: lambdatest.Config{Order: lambdatest.OrderInvokeLast},
	},
	{
		name: "next broken",
		doc: "The agent is registered, but each of its calls for the next event fails. Nothing holds the environment after a " +
			"response.",
		config: lambdatest.Config{Faults: lambdatest.Faults{Next: lambdatest.Fault{
			Status: http.StatusInternalServerError,
		}}},
		unheld: true,
	},
	{
		name: "external extension present",
		doc:  "As normal, with 300 ms between SIGTERM and SIGKILL instead of 500 ms.",
		config: lambdatest.Config{
			Order: lambdatest.OrderInvokeFirst, ExternalExtensions: []lambdatest.ExternalExtension{{Name: external}},
		},
	},
}

// variables are those that the platform adds to the function's environment.
func (p *platform) variables(t *testing.T) []string {
	t.Helper()
	if len(p.config.ExternalExtensions) == 0 {
		return nil
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, external), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{harness.ExtensionsDir + "=" + dir}
}
