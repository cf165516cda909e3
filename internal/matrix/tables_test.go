package matrix

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The parser reads the rendered tables; otherwise the comparison with the document would compare nothing.
func TestTablesAreReadAsWritten(t *testing.T) {
	found, want := make(map[string]counts), make(map[string]string)
	for i, p := range places() {
		n := counts{delivered: i, of: map[kind]int{pending: i % 3, lost: i % 5, refused: i % 2}}
		if !p.platform.all && i%4 > 0 { // as normal
			n = found[place{&platforms[0], p.end, p.backend}.String()]
		}
		found[p.String()], want[p.String()] = n, n.String()
	}
	got, err := parseTables(render(found))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tables (-written +read)\n%s", diff)
	}
}

func TestJustified(t *testing.T) {
	exits, ok := place{&platforms[0], &ends[10], &backends[0]}, place{&platforms[0], &ends[0], &backends[0]}
	for _, tc := range []struct {
		place     place
		delivered int
		of        map[kind]int
		want      bool
	}{
		{ok, 6, nil, true},
		{ok, 4, map[kind]int{lost: 2}, false},
		{ok, 6, map[kind]int{twice: 1}, false},
		{exits, 4, map[kind]int{lost: 2}, true},
		{exits, 6, nil, false},
		{exits, 4, map[kind]int{pending: 2}, false},
	} {
		if err := justified(tc.place, counts{tc.delivered, tc.of}); (err == nil) != tc.want {
			t.Errorf("%s, %d %v: %v", tc.place, tc.delivered, tc.of, err)
		}
	}
}
