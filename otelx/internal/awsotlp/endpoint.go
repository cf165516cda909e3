package awsotlp

import (
	"slices"
	"strings"

	"github.com/epilogue-go/epilogue/internal/otelenv"
)

type partition struct{ prefix, suffix, dualStack string }

// partitions of AWS by the prefix of their regions' names, with the suffixes of hosts, IPv4 and dual-stack. The last one has all
// other regions. Sources: AWS General Reference, endpoints and quotas of AWS X-Ray, Amazon CloudWatch and Amazon CloudWatch
// Logs, and the partitions of AWS's SDKs.
var partitions = []partition{
	{"cn-", ".amazonaws.com.cn", ".api.amazonwebservices.com.cn"},
	{"eusc-", ".amazonaws.eu", ".api.amazonwebservices.eu"},
	{"", ".amazonaws.com", ".api.aws"},
}

// serviceAt returns the service and the region of an endpoint at host, which has no port; nil if the host is not one of
// services. It knows regional endpoints, FIPS or not, and interface endpoints in a VPC.
func serviceAt(host string) (s *service, region string) {
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
		case len(labels) == 2:
			s, region = named(strings.TrimSuffix(labels[0], "-fips")), labels[1]
		case len(labels) == 4 && strings.HasPrefix(labels[0], "vpce-") && labels[3] == "vpce":
			s, region = named(labels[1]), labels[2]
		}
		if s != nil && IsRegion(region) {
			return s, region
		}
	}
	return nil, ""
}

// IsRegion reports whether s has the form of a region's name, such as eu-west-1 or us-gov-east-1.
func IsRegion(s string) bool {
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

// Endpoint returns the URL for a signal in region.
func Endpoint(signal otelenv.Signal, region string) string {
	i := slices.IndexFunc(partitions, func(p partition) bool { return strings.HasPrefix(region, p.prefix) })
	s := serviceFor(signal)
	return "https://" + s.name + "." + region + partitions[i].suffix + s.path()
}
