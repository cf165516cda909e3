package xray

import (
	"slices"
	"strings"
)

const tracesPath = "/v1/traces"

type partition struct{ prefix, suffix, dualStack string }

// partitions of AWS by the prefix of their regions' names, with the suffixes of X-Ray's hosts, IPv4 and dual-stack. The last
// one has all other regions. Sources: AWS General Reference, "AWS X-Ray endpoints and quotas", and the partitions of AWS's
// SDKs.
var partitions = []partition{
	{"cn-", ".amazonaws.com.cn", ".api.amazonwebservices.com.cn"},
	{"eusc-", ".amazonaws.eu", ".api.amazonwebservices.eu"},
	{"", ".amazonaws.com", ".api.aws"},
}

// regionOf returns the region of X-Ray's endpoint at host, which has no port; empty if the host is not X-Ray's. It knows regional
// endpoints, FIPS or not, and interface endpoints in a VPC.
func regionOf(host string) string {
	host = strings.ToLower(host)
	for _, p := range partitions {
		name, found := strings.CutSuffix(host, p.suffix)
		if !found {
			name, found = strings.CutSuffix(host, p.dualStack)
		}
		if !found {
			continue
		}
		labels := strings.Split(name, ".")
		switch {
		case len(labels) == 2 && (labels[0] == "xray" || labels[0] == "xray-fips") && isRegion(labels[1]):
			return labels[1]
		case len(labels) == 4 && strings.HasPrefix(labels[0], "vpce-") && labels[1] == "xray" && isRegion(labels[2]) && labels[3] == "vpce":
			return labels[2]
		}
	}
	return ""
}

// isRegion reports whether s has the form of a region's name, such as eu-west-1 or us-gov-east-1.
func isRegion(s string) bool {
	parts := strings.Split(s, "-")
	last := len(parts) - 1
	for i, part := range parts {
		of := "abcdefghijklmnopqrstuvwxyz"
		if i == last {
			of = "0123456789"
		}
		if part == "" || strings.Trim(part, of) != "" {
			return false
		}
	}
	return last >= 2 && len(s) < 32
}

// endpointOf returns the URL for traces in region.
func endpointOf(region string) string {
	i := slices.IndexFunc(partitions, func(p partition) bool { return strings.HasPrefix(region, p.prefix) })
	return "https://xray." + region + partitions[i].suffix + tracesPath
}
