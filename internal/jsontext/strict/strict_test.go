package strict

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestUnmarshal(t *testing.T) {
	for text, ok := range map[string]bool{
		`{"a":{"a":[1,{"b":null}]},"b":"\u0041"}`: true,
		" [] \n":               true,
		`{"a":1,"b":2,"a":3}`:  false,
		`[{"\u0061":1,"a":2}]`: false,
		`1e400`:                true,
		`{} {}`:                false,
		`{"a":}`:               false,
		`{"a"`:                 false,
		"\"\xff\"":             false,
		"":                     false,
	} {
		var v any
		if err := Unmarshal([]byte(text), &v); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
