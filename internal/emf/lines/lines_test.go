package lines

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// line makes a line of a directive's members and of the line's other members.
func line(namespace, dimensions, metrics, members string) string {
	return `{"_aws":{"Timestamp":1574109732004,"CloudWatchMetrics":[{"Namespace":` + namespace + `,"Dimensions":` +
		dimensions + `,"Metrics":` + metrics + `}]}` + members + `}`
}

// value makes a line with the metric m.
func value(v string) string { return line(`"n"`, `[[]]`, `[{"Name":"m"}]`, `,"m":`+v) }

func TestParse(t *testing.T) {
	text := line(`"shop"`, `[["v"],[]]`, `[{"Name":"time","Unit":"Milliseconds","StorageResolution":60},{"Name":"size"}]`,
		`,"v":"$LATEST","time":100,"size":{"Values":[1,2.5],"Counts":[2,1],"Max":3,"Min":1,"Count":3,"Sum":5}`)
	metrics, err := Parse([]byte(text + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Metric{
		Namespace: "shop", Name: "time", Unit: "Milliseconds", Time: time.UnixMilli(1574109732004),
		Dimensions: map[string]string{"v": "$LATEST"}, Value: 100,
	}
	if len(metrics) != 4 || !reflect.DeepEqual(metrics[0], want) || *metrics[1].Distribution.Count != 3 ||
		metrics[1].Unit != "None" || len(metrics[3].Dimensions) != 0 {
		t.Errorf("%+v", metrics)
	}
}

// TestViolations: each rule, by a line that violates it and a word of its error.
func TestViolations(t *testing.T) {
	var names, members []string
	for i := range 31 {
		names = append(names, fmt.Sprintf(`"d%d"`, i))
		members = append(members, fmt.Sprintf(`"d%d":"x"`, i))
	}
	set, values := `[[`+strings.Join(names, ",")+`]]`, `,"m":1,`+strings.Join(members, ",")
	definitions := strings.Repeat(`{"Name":"m"},`, 100) + `{"Name":"m"}`
	long := strings.Repeat("x", 1025)
	dimension := func(name, value string) string {
		return line(`"n"`, `[["`+name+`"]]`, `[{"Name":"m"}]`, `,"m":1,"`+name+`":`+value)
	}
	for _, c := range []struct{ line, word string }{
		{`{}`, "Timestamp"},
		{`{"a":1}{}`, "after the JSON value"},
		{`{"a":1,"a":1}`, "duplicate"},
		{`{"_aws":3}`, "cannot unmarshal"},
		{`{"_aws":{"Timestamp":1}}`, "no directive"},
		{`{"_aws":{"Timestamp":1.5,"CloudWatchMetrics":[]}}`, "timestamp 1.5"},
		{value("1") + "\n\n", "within"},
		{value("1" + strings.Repeat(" ", 60_000)), "bytes"},
		{line(`""`, `[[]]`, `[{"Name":"m"}]`, `,"m":1`), "namespace"},
		{line(`"AWS/Lambda"`, `[[]]`, `[{"Name":"m"}]`, `,"m":1`), "namespace"},
		{line(`"n"`, `[]`, `[{"Name":"m"}]`, `,"m":1`), "no dimension set"},
		{line(`"n"`, `[[]]`, `[]`, ""), "0 metrics"},
		{line(`"n"`, `[[]]`, `[`+definitions+`]`, `,"m":1`), "101 metrics"},
		{line(`"n"`, set, `[{"Name":"m"}]`, values), "31 dimensions"},
		{line(`"n"`, `[["m"]]`, `[{"Name":"m"}]`, `,"m":1`), "two meanings"},
		{line(`"n"`, `[["a","a"]]`, `[{"Name":"m"}]`, `,"m":1,"a":"x"`), "two meanings"},
		{
			line(`"n"`, `[["level"]]`, `[{"Name":"m"}]`, `,"m":1,"level":"INFO","timestamp":"2026-07-01T12:00:00Z"`),
			"two meanings",
		},
		{dimension("a", "1"), "value of dimension"},
		{dimension("a", `""`), "value of dimension"},
		{dimension("a", `"é"`), "value of dimension"},
		{dimension("a", `"`+long+`"`), "value of dimension"},
		{dimension(long[:251], `"x"`), "dimension"},
		{dimension(":a", `"x"`), "dimension"},
		{line(`"n"`, `[[]]`, `[{"Name":"`+long[:256]+`"}]`, `,"`+long[:256]+`":1`), "metric"},
		{line(`"n"`, `[[]]`, `[{"Name":"m","Unit":"s"}]`, `,"m":1`), "unit"},
		{line(`"n"`, `[[]]`, `[{"Name":"m","StorageResolution":30}]`, `,"m":1`), "storage resolution"},
		{line(`"n"`, `[[]]`, `[{"Name":"m"}]`, ``), "has the value"},
		{line(`"n"`, `[[]]`, `[{"Name":"m"}]`, `,"m":1,"level":"INFO"`), "RFC 3339"},
		{line(`"n"`, `[[]]`, `[{"Name":"m"}]`, `,"m":1,"timestamp":"2026-07-01T12:00:00Z"`), "level"},
		{value(`"1"`), "has the value"},
		{value("1e400"), "value 1e400"},
		{value("2.4e108"), "value 2.4e108"},
		{value("[]"), "empty array"},
		{value(`["1"]`), "array of numbers"},
		{value("[" + strings.Repeat("1,", 100) + "1]"), "array of 101"},
		{value(`{"Values":[1],"Counts":[1],"Max":1,"Min":1,"Sum":1}`), "lacks"},
		{value(`{"Values":[],"Counts":[],"Max":1,"Min":1,"Sum":1,"Count":0}`), "0 values"},
		{value(`{"Values":[1,2],"Counts":[1],"Max":2,"Min":1,"Sum":1,"Count":1}`), "2 values and 1 counts"},
		{value(`{"Values":[1],"Counts":[0],"Max":1,"Min":1,"Sum":1,"Count":0}`), "count 0"},
		{value(`{"Values":[1],"Counts":[2],"Max":1,"Min":1,"Sum":1,"Count":1}`), "Count is 1"},
		{value(`{"Values":[3],"Counts":[1],"Max":2,"Min":1,"Sum":1,"Count":1}`), "not in"},
		{value(`{"Values":[1],"Counts":[1],"Max":1,"Min":1,"Sum":1,"Count":1,"Mean":1}`), "Mean"},
		{value(`{"Mean":[1]}`), "Mean"},
		{value(`{"Values":1}`), "Values"},
		{value(`{"Max":null}`), "Max"},
	} {
		if _, err := Parse([]byte(c.line)); err == nil || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%.200s: %v, want %q", c.line, err, c.word)
		}
	}
	for _, valid := range []string{value("1"), value("[1,2]")} {
		if _, err := Parse([]byte(valid)); err != nil || !Is([]byte(valid)) {
			t.Errorf("%s: %v", valid, err)
		}
	}
	for _, other := range []string{"START", `{"message":"x"}`, `{"_aws":{}}`} {
		if Is([]byte(other)) {
			t.Errorf("%s looks like EMF", other)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(value(`{"Values":[1],"Counts":[1],"Max":1,"Min":1,"Sum":1,"Count":1}`)))
	f.Add([]byte(line(`"n"`, `[["a"]]`, `[{"Name":"m","Unit":"Count"}]`, `,"a":"1","m":[1,null],"level":7`)))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = Parse(data) })
}
