package handler

import (
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
)

func TestCodec(t *testing.T) {
	tests := map[string]struct {
		opts []lambda.Option
		want codec
	}{
		"none":     {nil, codec{}},
		"escape":   {[]lambda.Option{lambda.WithSetEscapeHTML(true)}, codec{escapeHTML: true}},
		"indent":   {[]lambda.Option{lambda.WithSetIndent("", "\t")}, codec{indentBy: "\t"}},
		"prefix":   {[]lambda.Option{lambda.WithSetIndent("> ", "")}, codec{indentPrefix: "> "}},
		"both":     {[]lambda.Option{lambda.WithSetIndent("x", "xx"), lambda.WithSetEscapeHTML(true)}, codec{escapeHTML: true, indentPrefix: "x", indentBy: "xx"}},
		"the last": {[]lambda.Option{lambda.WithSetEscapeHTML(true), lambda.WithSetEscapeHTML(false)}, codec{}},
		"others":   {[]lambda.Option{lambda.WithUseNumber(true), lambda.WithContextValue(1, 2)}, codec{useNumber: true}},
	}
	for name, tt := range tests {
		if got := codecOf(tt.opts); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

func FuzzCodec(f *testing.F) {
	f.Add(true, "", "  ")
	f.Add(false, ">\n", "}\n")
	f.Add(false, "\xff{", `"p": `)
	f.Fuzz(func(t *testing.T, escape bool, prefix, by string) {
		if strings.Contains(prefix+by, "epilogue probe") {
			t.Skip()
		}
		want := codec{escapeHTML: escape, indentPrefix: prefix, indentBy: by}
		got := codecOf([]lambda.Option{lambda.WithSetEscapeHTML(escape), lambda.WithSetIndent(prefix, by)})
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}
