package trigger_test

import (
	"reflect"
	"testing"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

type (
	tree    map[string]tree
	list    []list
	chain   struct{ Next *chain }
	Forward struct{ *Reverse }
	Reverse struct {
		*Forward
		Records list
	}
)

// TestTypesThatLeadToThemselves: Wrap hung with a function that takes a map or a list of its own type, which it followed
// without a bound.
func TestTypesThatLeadToThemselves(t *testing.T) {
	for _, event := range []any{tree{}, list{}, &chain{}, Forward{}, &Reverse{}} {
		r := trigger.NewReader(reflect.TypeOf(event), trigger.Settings{})
		if c := r.Typed(reflect.ValueOf(event)); c.Source != trigger.Other {
			t.Errorf("%T tells %v", event, c.Source)
		}
	}
}
