package otelerr_test

import (
	"errors"
	"slices"
	"testing"

	"go.opentelemetry.io/otel"

	"github.com/epilogue-go/epilogue/internal/otelerr"
)

// TestHandlersEnd: OpenTelemetry's default handler went on to call the first handler that a test had set, in the tests
// after it.
func TestHandlersEnd(t *testing.T) {
	var first func() []string
	t.Run("first", func(t *testing.T) {
		first = otelerr.Collect(t)
		otel.Handle(errors.New("one"))
	})
	t.Run("second", func(t *testing.T) {
		texts := otelerr.Collect(t)
		otel.Handle(errors.New("two"))
		if got := texts(); !slices.Equal(got, []string{"two"}) {
			t.Errorf("the second heard %q", got)
		}
	})
	otel.Handle(errors.New("three"))
	if got := first(); !slices.Equal(got, []string{"one"}) {
		t.Errorf("the first heard %q", got)
	}
}
