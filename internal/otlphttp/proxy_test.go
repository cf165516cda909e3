package otlphttp

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// sendVar names the endpoint that the test binary sends to when it runs itself: net/http reads a process's proxy
// variables once.
const sendVar = "OTLP_TEST_SEND_TO"

// sendAndPrint is the child's part.
func sendAndPrint(endpoint string) {
	u, err := url.Parse(endpoint)
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := newSender(config{Endpoint: u}).Send(context.Background(), []byte("spans"))
	fmt.Printf("%+v %v\n", res, err)
}

func TestProxyFromEnvironment(t *testing.T) {
	asked := make(chan string, 1)
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.RequestURI }))
	defer proxy.Close()
	const endpoint = "http://collector.test:4318/v1/traces"
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), sendVar+"="+endpoint, "HTTP_PROXY="+proxy.URL, "NO_PROXY=")
	out, err := child.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), " <nil>\n") {
		t.Fatalf("child says %q, %v", out, err)
	}
	if got := <-asked; got != endpoint {
		t.Errorf("the proxy was asked for %q", got)
	}
}
