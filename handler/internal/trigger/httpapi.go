package trigger

// httpAPI is an HTTP API of API Gateway with payload format 2.0.
var httpAPI = source{
	name:  "HTTP API",
	types: []string{"APIGatewayV2HTTPRequest"},
	is: func(d *document) bool {
		return isRequest(d) && d.context.Get("http").IsObject() && !d.context.Get("elb").IsObject() && !isFunctionURL(d)
	},
	read: readHTTP,
}
