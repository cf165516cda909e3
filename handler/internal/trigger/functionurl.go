package trigger

import "strings"

// functionURL is the function's own URL, ID.lambda-url.REGION.on.aws. Its events are in format 2.0.
var functionURL = source{
	name:  "function URL",
	types: []string{"LambdaFunctionURLRequest"},
	is: func(d *document) bool {
		return isRequest(d) && d.context.Get("http").IsObject() && !d.context.Get("elb").IsObject() && isFunctionURL(d)
	},
	read: readHTTP,
}

func isFunctionURL(d *document) bool {
	return strings.Contains(d.context.Get("domainName").Text(), ".lambda-url.")
}
