package xray

import "strings"

const (
	tracesPath  = "/v1/traces"
	chinaPrefix = "cn-"
)

// suffixes end the hosts of X-Ray's endpoints, IPv4 and dual-stack (AWS General Reference, "AWS X-Ray endpoints and
// quotas"; dual-stack ones as AWS's SDKs form them), the latter two in China.
var suffixes = []string{".amazonaws.com", ".api.aws", ".amazonaws.com.cn", ".api.amazonwebservices.com.cn"}

// regionOf returns the region of X-Ray's endpoint at host, which has no port; empty if the host is not X-Ray's. It is
// that of a region, FIPS or not, or of an interface endpoint in a VPC.
func regionOf(host string) string {
	host = strings.ToLower(host)
	for _, suffix := range suffixes {
		name, found := strings.CutSuffix(host, suffix)
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

// endpointOf is the URL for traces in region.
func endpointOf(region string) string {
	suffix := suffixes[0]
	if strings.HasPrefix(region, chinaPrefix) {
		suffix += ".cn"
	}
	return "https://xray." + region + suffix + tracesPath
}
