package matrix

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is written is read: else the comparison with the document would compare nothing.
func TestTablesAreReadAsWritten(t *testing.T) {
	accounts, want := make(map[string]account), make(map[string]string)
	for i, p := range places() {
		a := account{Delivered: i, Pending: i % 3, Lost: i % 5, Refused: i % 2}
		accounts[p.String()], want[p.String()] = a, a.String()
	}
	got, err := parseTables(render(accounts))
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
		place place
		account
		want bool
	}{
		{ok, account{Delivered: 6}, true},
		{ok, account{Delivered: 4, Lost: 2}, false},
		{ok, account{Delivered: 6, Twice: 1}, false},
		{exits, account{Delivered: 4, Lost: 2}, true},
		{exits, account{Delivered: 6}, false},
		{exits, account{Delivered: 4, Pending: 2}, false},
	} {
		if err := justified(tc.place, tc.account); (err == nil) != tc.want {
			t.Errorf("%s, %s: %v", tc.place, tc.account, err)
		}
	}
}
