package xrayheader_test

import (
	"errors"
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
		{"root alone", rootField, xrayheader.Header{Root: root}},
		{"another order", "Sampled=1;" + parentField + ";" + rootField, xrayheader.Header{Root: root, Parent: parent, Sampling: xrayheader.Sampled}},
		{"lineage", rootField + ";" + parentField + ";Sampled=1;Lineage=a87bd80c:1|68fd508a:5", xrayheader.Header{Root: root, Parent: parent, Sampling: xrayheader.Sampled, Lineage: "a87bd80c:1|68fd508a:5"}},
		{"spaces and unknown fields", " Self=1-67891234-12456789abcdef012345678 ; " + rootField + " ;; app=x=y;", xrayheader.Header{Root: root}},
		{"capitals", strings.ToUpper(rootField[5:]) + ";Root=1-5759E988-BD862E3FE1BE46A994272793", xrayheader.Header{Root: root}},
		{"the last counts", rootField + ";Sampled=0;Sampled=1", xrayheader.Header{Root: root, Sampling: xrayheader.Sampled}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := xrayheader.Parse(tt.header)
			if err != nil || got != tt.want {
				t.Errorf("Parse(%q) = %+v, %v, want %+v", tt.header, got, err, tt.want)
			}
		})
	}
}

func TestParseMalformed(t *testing.T) {
	for header, named := range map[string]string{
		"":                           "no Root",
		"garbage":                    "no Root",
		parentField:                  "no Root",
		"root" + rootField[4:]:       "no Root", // names are as they stand in the documentation
		"Root=" + rootField[7:]:      "Root=",   // no version
		"Root=2" + rootField[6:]:     "Root=",
		rootField + "0":              "Root=",
		rootField[:len(rootField)-1]: "Root=",
		strings.Replace(rootField, "bd", "xd", 1):   "Root=",
		strings.Replace(rootField, "-bd", "_bd", 1): "Root=",
		"Root=1-00000000-000000000000000000000000":  "Root=",
		rootField + ";Parent=53995c3f":              "Parent=",
		rootField + ";Parent=53995c3f42cd8adg":      "Parent=",
		rootField + ";Parent=0000000000000000":      "Parent=",
		rootField + ";Sampled=2":                    "Sampled=",
		rootField + ";Sampled=true":                 "Sampled=",
		"Root=" + strings.Repeat("long", 1000):      "Root=",
	} {
		got, err := xrayheader.Parse(header)
		if !errors.Is(err, xrayheader.ErrMalformed) || got != (xrayheader.Header{}) {
			t.Errorf("Parse(%q) = %+v, %v, want ErrMalformed", header, got, err)
		} else if msg := err.Error(); !strings.Contains(msg, named) || len(msg) > 300 {
			t.Errorf("Parse(%q): %d bytes of error: %s, want %q named", header, len(msg), msg, named)
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

func TestAllocations(t *testing.T) {
	header := rootField + ";" + parentField + ";Sampled=1;Lineage=1:a:0"
	buf := make([]byte, 0, 128)
	if n := testing.AllocsPerRun(100, func() {
		h, err := xrayheader.Parse(header)
		if err != nil {
			t.Fatal(err)
		}
		buf = h.AppendTo(buf[:0])
	}); n != 0 {
		t.Errorf("%v allocations for parsing and formatting, want none", n)
	}
}

// FuzzParse: what parses comes back from its own text, and nothing makes an error longer than a line.
func FuzzParse(f *testing.F) {
	f.Add(rootField + ";" + parentField + ";Sampled=1")
	f.Add("Sampled=?;" + rootField + ";Lineage=a:1|b:2")
	f.Add("Root=1-5759e988-bd862e3fe1be46a99427279;Parent=;;=;")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := xrayheader.Parse(s)
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Errorf("error of %d bytes", len(err.Error()))
			}
			return
		}
		back, err := xrayheader.Parse(h.String())
		if err != nil || back != h {
			t.Errorf("%q: %+v comes back as %+v, %v", s, h, back, err)
		}
	})
}
