package trigger

// restAPI is a REST API of API Gateway, or an HTTP API with payload format 1.0.
var restAPI = source{
	name:  "REST API",
	types: []string{"APIGatewayProxyRequest"},
	is: func(d *document) bool {
		return isRequest(d) && d.Get("httpMethod").Present() && !d.context.Get("elb").IsObject() &&
			!d.context.Get("http").IsObject() && !d.context.Get("connectionId").Present()
	},
	read: readHTTP,
}
