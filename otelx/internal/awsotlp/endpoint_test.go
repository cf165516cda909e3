package awsotlp

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/epilogue-go/epilogue/internal/otelenv"
)

// TestServiceAt: the three services have hosts of the same forms, and no other host is taken for one of theirs.
func TestServiceAt(t *testing.T) {
	for form, want := range map[string]string{
		"%s.eu-west-1.amazonaws.com":                      "eu-west-1",
		"%s.EU-West-1.amazonaws.com":                      "eu-west-1",
		"%s.us-gov-east-1.amazonaws.com":                  "us-gov-east-1",
		"%s-fips.us-east-1.amazonaws.com":                 "us-east-1",
		"%s.us-east-1.api.aws":                            "us-east-1",
		"%s-fips.us-east-1.api.aws":                       "us-east-1",
		"%s.cn-northwest-1.amazonaws.com.cn":              "cn-northwest-1",
		"%s.cn-north-1.api.amazonwebservices.com.cn":      "cn-north-1",
		"%s.eusc-de-east-1.amazonaws.eu":                  "eusc-de-east-1",
		"%s-fips.eusc-de-east-1.api.amazonwebservices.eu": "eusc-de-east-1",
		"%s.ap-southeast-10.amazonaws.com":                "ap-southeast-10",
		"vpce-1-2.%s.eu-west-1.vpce.amazonaws.com":        "eu-west-1",
		"vpce-1-2.%s.cn-north-1.vpce.amazonaws.com.cn":    "cn-north-1",

		"%s":                                          "",
		"%s.amazonaws.com":                            "",
		"%s..amazonaws.com":                           "",
		"a.%s.eu-west-1.amazonaws.com":                "",
		"%s.eu-west-1.amazonaws.com.evil.test":        "",
		"%s.eu-west-1.notamazonaws.com":               "",
		"%s.eu-west-1.amazonaws.com.":                 "",
		"%s.eusc-de-east-1.amazonaws.eu.evil.test":    "",
		"%s.eu.west.1.amazonaws.com":                  "",
		"%s.evil.amazonaws.com":                       "",
		"%s.eu-west-1a.amazonaws.com":                 "",
		"%s.-west-1.amazonaws.com":                    "",
		"x.%s.eu-west-1.vpce.amazonaws.com":           "",
		"vpce-1.%s.eu-west-1.s3.amazonaws.com":        "",
		"%s.s3.eu-west-1.amazonaws.com":               "",
		"bucket.s3.%s.eu-west-1.vpce.amazonaws.com":   "",
		"vpce-1.%s-fips.eu-west-1.vpce.amazonaws.com": "",
	} {
		for i := range services {
			host := fmt.Sprintf(form, services[i].name)
			s, region := serviceAt(host)
			if region != want || (s == &services[i]) != (want != "") {
				t.Errorf("%q: %+v in %q, want %q", host, s, region, want)
			}
		}
	}
	for _, host := range []string{"", "eu-west-1.amazonaws.com", "sqs.eu-west-1.amazonaws.com", "vpce-1.sqs.eu-west-1.vpce.amazonaws.com"} {
		if s, region := serviceAt(host); s != nil || region != "" {
			t.Errorf("%q: %+v in %q", host, s, region)
		}
	}
}

func TestEndpoint(t *testing.T) {
	for _, c := range []struct {
		signal       otelenv.Signal
		region, want string
	}{
		{otelenv.Traces, "eu-west-1", "https://xray.eu-west-1.amazonaws.com/v1/traces"},
		{otelenv.Metrics, "us-gov-west-1", "https://monitoring.us-gov-west-1.amazonaws.com/v1/metrics"},
		{otelenv.Logs, "eusc-de-east-1", "https://logs.eusc-de-east-1.amazonaws.eu/v1/logs"},
		{otelenv.Logs, "cn-north-1", "https://logs.cn-north-1.amazonaws.com.cn/v1/logs"},
	} {
		if got := Endpoint(c.signal, c.region); got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.signal, c.region, got, c.want)
		}
	}
}

// FuzzServiceAt: a host that is taken for a service's is a name in a domain of AWS's, and the region is a label of it.
func FuzzServiceAt(f *testing.F) {
	f.Add("xray.eu-west-1.amazonaws.com")
	f.Add("vpce-1.logs.cn-north-1.vpce.amazonaws.com.cn")
	f.Add("monitoring-fips.us-east-1.api.aws:443")
	f.Fuzz(func(t *testing.T, host string) {
		s, region := serviceAt(host)
		if s == nil {
			return
		}
		lower := strings.ToLower(host)
		ours := slices.ContainsFunc([]string{
			".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu",
			".api.aws", ".api.amazonwebservices.com.cn", ".api.amazonwebservices.eu",
		}, func(domain string) bool { return strings.HasSuffix(lower, domain) })
		if !ours || !strings.Contains(lower, s.name) || !strings.Contains(lower, "."+region+".") {
			t.Errorf("%q: %s in %q", host, s.name, region)
		}
		checkEndpoint(t, s.signal, region)
	})
}

// FuzzIsRegion: what counts as a region makes hosts that belong to it.
func FuzzIsRegion(f *testing.F) {
	f.Add("eu-west-1")
	f.Add("us-iso-east-1")
	f.Add("eusc-de-east-1")
	f.Add("a-b-1/evil")
	f.Fuzz(func(t *testing.T, region string) {
		if IsRegion(region) {
			checkEndpoint(t, otelenv.Traces, region)
		}
	})
}

// checkEndpoint checks that the endpoint of a signal in region is recognised.
func checkEndpoint(t *testing.T, signal otelenv.Signal, region string) {
	t.Helper()
	u, err := url.Parse(Endpoint(signal, region))
	if err != nil {
		t.Fatal(err)
	}
	if s, at := serviceAt(u.Hostname()); s == nil || s.signal != signal || at != region || u.Path != s.path() {
		t.Errorf("%q: endpoint %s of %+v in %q", region, u, s, at)
	}
}
