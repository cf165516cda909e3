package e2e

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// jaeger is a running Jaeger all-in-one.
type jaeger struct {
	*process
	url   string // takes OTLP over HTTP
	query string // the query API
}

// jaegerFlags bind each port of Jaeger to a free one on the loopback and bound its memory.
// 6831 and the like belong to protocols that nothing here speaks.
var jaegerFlags = []string{
	"--admin.http.host-port=127.0.0.1:0", "--http-server.host-port=127.0.0.1:0",
	"--collector.grpc-server.host-port=127.0.0.1:0", "--collector.http-server.host-port=127.0.0.1:0",
	"--collector.otlp.grpc.host-port=127.0.0.1:0", "--reporter.grpc.host-port=127.0.0.1:0",
	"--processor.jaeger-binary.server-host-port=127.0.0.1:0", "--processor.jaeger-compact.server-host-port=127.0.0.1:0",
	"--processor.zipkin-compact.server-host-port=127.0.0.1:0",
	"--query.grpc-server.host-port=127.0.0.1:0", "--query.http-server.host-port=127.0.0.1:0",
	"--memory.max-traces=1000",
}

var queryStarted = regexp.MustCompile(`"http_addr":"([^"]+)"`)

// startJaeger returns when Jaeger takes requests.
func startJaeger(t *testing.T) *jaeger {
	t.Helper()
	path := buildTool(t, "jaeger", "all-in-one")
	addr := freeAddress(t)
	j := &jaeger{url: "http://" + addr}
	j.process = startProcess(t, []string{"SPAN_STORAGE_TYPE=memory", "GOMEMLIMIT=256MiB"}, path,
		append([]string{"--collector.otlp.http.host-port=" + addr}, jaegerFlags...)...)
	j.query = "http://" + queryStarted.FindStringSubmatch(j.waitFor(t, "Query server started"))[1]
	return j
}

// buildTool returns the path of a program that the go command builds in a folder's module, and keeps in its cache. If that fails,
// for example without a module proxy, the test fails in CI and is skipped on a developer's machine.
func buildTool(t *testing.T, folder, name string, env ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "tool", "-n", name)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), env...)
	out, err := cmd.Output()
	if err == nil {
		return strings.TrimSpace(string(out))
	}
	give := t.Skipf
	if os.Getenv("CI") != "" {
		give = t.Fatalf
	}
	var why *exec.ExitError
	if errors.As(err, &why) {
		err = errors.New(string(why.Stderr))
	}
	give("%s cannot be built here: %v", name, err)
	return ""
}
