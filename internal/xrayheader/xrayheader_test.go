package xrayheader_test

import (
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/internal/xrayheader"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	root   = trace.TraceID{0x57, 0x59, 0xe9, 0x88, 0xbd, 0x86, 0x2e, 0x3f, 0xe1, 0xbe, 0x46, 0xa9, 0x94, 0x27, 0x27, 0x93}
	parent = trace.SpanID{0x53, 0x99, 0x5c, 0x3f, 0x42, 0xcd, 0x8a, 0xd8}
)

const (
	rootField   = "Root=1-5759e988-bd862e3fe1be46a994272793"
	parentField = "Parent=53995c3f42cd8ad8"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name, header string
		want         xrayheader.Header
	}{
		{"sampled", rootField + ";" + parentField + ";Sampled=1", xrayheader.Header{Root: root, Parent: parent, Sampling: xrayheader.Sampled}},
		{"not sampled", rootField + ";" + parentField + ";Sampled=0", xrayheader.Header{Root: root, Parent: parent, Sampling: xrayheader.NotSampled}},
		{"undecided", rootField + ";" + parentField + ";Sampled=?", xrayheader.Header{Root: root, Parent: parent}},
		{"no decision", rootField + ";" + parentField, xrayheader.Header{Root: root, Parent: parent}},
		{"empty decision", rootField + ";Sampled=", xrayheader.Header{Root: root}},
		{"unknown decision", rootField + ";" + parentField + ";Sampled=true", xrayheader.Header{Root: root, Parent: parent}},
		{"root alone", rootField, xrayheader.Header{Root: root}},
		{"another order", "Sampled=1;" + parentField + ";" + rootField, xrayheader.Header{Root: root, Parent: parent, Sampling: xrayheader.Sampled}},
		{"lineage", rootField + ";" + parentField + ";Sampled=1;Lineage=a87bd80c:1|68fd508a:5", xrayheader.Header{Root: root, Parent: parent, Sampling: xrayheader.Sampled, Lineage: "a87bd80c:1|68fd508a:5"}},
		{"spaces and unknown fields", " Self=1-67891234-12456789abcdef012345678 ; " + rootField + " ;; app=x=y;", xrayheader.Header{Root: root}},
		{"capitals", strings.ToUpper(rootField[5:]) + ";Root=1-5759E988-BD862E3FE1BE46A994272793", xrayheader.Header{Root: root}},
		{"the last counts", rootField + ";Sampled=0;Sampled=1", xrayheader.Header{Root: root, Sampling: xrayheader.Sampled}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := xrayheader.Parse(tt.header); !ok || got != tt.want {
				t.Errorf("Parse(%q) = %+v, %t, want %+v", tt.header, got, ok, tt.want)
			}
		})
	}
}

func TestParseMalformed(t *testing.T) {
	for _, header := range []string{
		"",
		"garbage",
		parentField,
		"root" + rootField[4:],  // names are as they stand in the documentation
		"Root=" + rootField[7:], // no version
		"Root=2" + rootField[6:],
		rootField + "0",
		rootField[:len(rootField)-1],
		strings.Replace(rootField, "bd", "xd", 1),
		strings.Replace(rootField, "-bd", "_bd", 1),
		"Root=1-00000000-000000000000000000000000",
		rootField + ";Parent=53995c3f",
		rootField + ";Parent=53995c3f42cd8adg",
		rootField + ";Parent=0000000000000000",
		"Root=" + strings.Repeat("long", 1000),
	} {
		if got, ok := xrayheader.Parse(header); ok || got != (xrayheader.Header{}) {
			t.Errorf("Parse(%q) = %+v, %t", header, got, ok)
		}
	}
}

func TestString(t *testing.T) {
	for want, h := range map[string]xrayheader.Header{
		"":                            {},
		rootField:                     {Root: root},
		rootField + ";" + parentField: {Root: root, Parent: parent},
		rootField + ";" + parentField + ";Sampled=1":               {Root: root, Parent: parent, Sampling: xrayheader.Sampled},
		rootField + ";" + parentField + ";Sampled=0;Lineage=1:a:0": {Root: root, Parent: parent, Sampling: xrayheader.NotSampled, Lineage: "1:a:0"},
	} {
		if got := h.String(); got != want {
			t.Errorf("%+v is %q, want %q", h, got, want)
		}
	}
}

func TestSpanContext(t *testing.T) {
	for _, sampling := range []xrayheader.Sampling{xrayheader.Sampled, xrayheader.NotSampled} {
		h := xrayheader.Header{Root: root, Parent: parent, Sampling: sampling}
		sc := h.SpanContext()
		if !sc.IsValid() || !sc.IsRemote() || sc.IsSampled() != (sampling == xrayheader.Sampled) {
			t.Errorf("%+v gives %+v", h, sc)
		}
		if back := xrayheader.FromSpanContext(sc); back != h {
			t.Errorf("%+v comes back as %+v", h, back)
		}
	}
	if sc := (xrayheader.Header{Root: root, Sampling: xrayheader.Sampled}).SpanContext(); sc.IsValid() {
		t.Errorf("a header without a Parent gives the valid %+v", sc)
	}
	if sc := (xrayheader.Header{Root: root, Parent: parent}).SpanContext(); sc.IsSampled() {
		t.Error("an undecided header gives a sampled span context")
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	header := rootField + ";" + parentField + ";Sampled=1;Lineage=1:a:0"
	if n := testing.AllocsPerRun(100, func() { _, _ = xrayheader.Parse(header) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// FuzzParse: what parses comes back from its own text.
func FuzzParse(f *testing.F) {
	f.Add(rootField + ";" + parentField + ";Sampled=1")
	f.Add("Sampled=?;" + rootField + ";Lineage=a:1|b:2")
	f.Add("Root=1-5759e988-bd862e3fe1be46a99427279;Parent=;;=;")
	f.Fuzz(func(t *testing.T, s string) {
		h, ok := xrayheader.Parse(s)
		if !ok {
			return
		}
		if back, ok := xrayheader.Parse(h.String()); !ok || back != h {
			t.Errorf("%q: %+v comes back as %+v, %t", s, h, back, ok)
		}
	})
}
