package matrix

import (
	"flag"
	"testing"

	"go.opentelemetry.io/otel"
	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/internal/harness"
)

var update = flag.Bool("update", false, "write the tables of docs/reliability.md")

func TestMain(m *testing.M) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) // of all functions
	goleak.VerifyTestMain(m)
}

// Every cell keeps the rules, accounts for its spans, and has the counts that the documentation says.
func TestMatrix(t *testing.T) {
	found := make(map[place]counts)
	for _, p := range places() {
		t.Run(p.String(), func(t *testing.T) {
			harness.InMemory(t, p.scenario(t, func(f fates) { found[p] = f[spans] }))
		})
	}
	if len(found) != len(places()) {
		return // the command line has chosen some
	}
	text := render(found)
	if *update && !t.Failed() {
		if err := document.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	documented, err := document.Read()
	if err != nil {
		t.Fatal(err)
	}
	if documented != text {
		t.Errorf("%s does not have these counts; if they are right, write them with -update:\n%s", document.Path, text)
	}
}
