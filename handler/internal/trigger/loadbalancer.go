package trigger

// loadBalancer is an Application Load Balancer. It leaves the parameters of a query percent-encoded.
var loadBalancer = source{
	name:  "load balancer",
	types: []string{"ALBTargetGroupRequest"},
	is:    func(d *document) bool { return isRequest(d) && d.context.Get("elb").IsObject() },
	read:  readHTTP,
}
