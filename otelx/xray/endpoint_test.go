package xray

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestRegionOf(t *testing.T) {
	for host, want := range map[string]string{
		"xray.eu-west-1.amazonaws.com":                      "eu-west-1",
		"XRAY.EU-West-1.amazonaws.com":                      "eu-west-1",
		"xray.us-gov-east-1.amazonaws.com":                  "us-gov-east-1",
		"xray-fips.us-east-1.amazonaws.com":                 "us-east-1",
		"xray.us-east-1.api.aws":                            "us-east-1",
		"xray-fips.us-east-1.api.aws":                       "us-east-1",
		"xray.cn-northwest-1.amazonaws.com.cn":              "cn-northwest-1",
		"xray.cn-north-1.api.amazonwebservices.com.cn":      "cn-north-1",
		"xray.eusc-de-east-1.amazonaws.eu":                  "eusc-de-east-1",
		"xray-fips.eusc-de-east-1.api.amazonwebservices.eu": "eusc-de-east-1",
		"xray.ap-southeast-10.amazonaws.com":                "ap-southeast-10",
		"vpce-1-2.xray.eu-west-1.vpce.amazonaws.com":        "eu-west-1",
		"vpce-1-2.xray.cn-north-1.vpce.amazonaws.com.cn":    "cn-north-1",

		"":                                            "",
		"xray.amazonaws.com":                          "",
		"xray..amazonaws.com":                         "",
		"eu-west-1.amazonaws.com":                     "",
		"logs.eu-west-1.amazonaws.com":                "",
		"a.xray.eu-west-1.amazonaws.com":              "",
		"xray.eu-west-1.amazonaws.com.evil.test":      "",
		"xray.eu-west-1.notamazonaws.com":             "",
		"xray.eu-west-1.amazonaws.com.":               "",
		"xray.eusc-de-east-1.amazonaws.eu.evil.test":  "",
		"xray.eu.west.1.amazonaws.com":                "",
		"xray.evil.amazonaws.com":                     "",
		"xray.eu-west-1a.amazonaws.com":               "",
		"xray.-west-1.amazonaws.com":                  "",
		"x.xray.eu-west-1.vpce.amazonaws.com":         "",
		"vpce-1.logs.eu-west-1.vpce.amazonaws.com":    "",
		"vpce-1.xray.eu-west-1.s3.amazonaws.com":      "",
		"xray.s3.eu-west-1.amazonaws.com":             "",
		"bucket.s3.xray.eu-west-1.vpce.amazonaws.com": "",
	} {
		if got := regionOf(host); got != want {
			t.Errorf("%q: region %q, want %q", host, got, want)
		}
	}
}

func TestEndpointOf(t *testing.T) {
	for region, want := range map[string]string{
		"eu-west-1":      "https://xray.eu-west-1.amazonaws.com/v1/traces",
		"us-gov-west-1":  "https://xray.us-gov-west-1.amazonaws.com/v1/traces",
		"eusc-de-east-1": "https://xray.eusc-de-east-1.amazonaws.eu/v1/traces",
		"cn-north-1":     "https://xray.cn-north-1.amazonaws.com.cn/v1/traces",
	} {
		if got := endpointOf(region); got != want {
			t.Errorf("%s: %s, want %s", region, got, want)
		}
	}
}

// FuzzRegionOf: a host that is taken for X-Ray's is a name in a domain of AWS's, and the region is a label of it.
func FuzzRegionOf(f *testing.F) {
	f.Add("xray.eu-west-1.amazonaws.com")
	f.Add("vpce-1.xray.cn-north-1.vpce.amazonaws.com.cn")
	f.Add("xray-fips.us-east-1.api.aws:443")
	f.Fuzz(func(t *testing.T, host string) {
		region := regionOf(host)
		if region == "" {
			return
		}
		lower := strings.ToLower(host)
		ours := slices.ContainsFunc([]string{
			".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu",
			".api.aws", ".api.amazonwebservices.com.cn", ".api.amazonwebservices.eu",
		}, func(domain string) bool { return strings.HasSuffix(lower, domain) })
		if !ours || !strings.Contains(lower, "xray") || !strings.Contains(lower, "."+region+".") {
			t.Errorf("%q: region %q", host, region)
		}
		if u, err := url.Parse(endpointOf(region)); err != nil || regionOf(u.Hostname()) != region {
			t.Errorf("%q: endpoint %s (%v)", region, endpointOf(region), err)
		}
	})
}

// FuzzRegion: what OTLP takes for a region makes a host that belongs to it.
func FuzzRegion(f *testing.F) {
	f.Add("eu-west-1")
	f.Add("us-iso-east-1")
	f.Add("eusc-de-east-1")
	f.Add("a-b-1/evil")
	f.Fuzz(func(t *testing.T, region string) {
		if !isRegion(region) {
			return
		}
		u, err := url.Parse(endpointOf(region))
		if err != nil || regionOf(u.Hostname()) != region || u.Path != tracesPath {
			t.Errorf("%q: %v (%v)", region, u, err)
		}
	})
}
