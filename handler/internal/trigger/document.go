package trigger

// document is an event whose members have been looked up: those that tell what it is, and those that are read then. A name
// that several sources share stands once.
type document struct {
	context, method, path, rawPath, rawQuery value // HTTP: requestContext, httpMethod, …
	resource, routeKey                       value
	headers, multiHeaders, query, multiQuery value
	elb, http, connection, domain, protocol  value // of requestContext
	contextRoute, peer, agent                value
	httpMethod, httpProtocol                 value // of its member http
	httpPeer, httpAgent                      value
	methodARN, routeARN                      value // of authorizers, which are asked about a request and do not answer it
	records                                  value // Records: SQS, SNS, Kinesis, DynamoDB Streams, S3
	eventSource, lists                       value // Kafka
	detailType, source, detail, time, id     value // EventBridge
	triggerSource, userPool                  value // Cognito user pools
	identityPool, dataset                    value // Cognito Sync
	execution, machine, state, inner, inner2 value // Step Functions' context object, or where it may be
	traceHeader, whole                       value
}

// read looks the members of event up, with one walk where it is JSON text. Where a list of records comes first it is all
// that is looked for, since the list is walked over later. The walk ends at a request's body, after which nothing comes that
// is asked for, in any of the formats; so it does not matter how long that is.
func (d *document) read(event value) {
	d.whole = event
	if d.records = event.leading("Records"); d.records.present() {
		return
	}
	last := func(key []byte) bool {
		return string(key) == "body" && d.context.present() || string(key) == "records" && d.eventSource.present()
	}
	event.pickUntil(last, []field{
		{name: "requestContext", into: &d.context, fields: []field{
			{name: "elb", into: &d.elb},
			{name: "connectionId", into: &d.connection},
			{name: "domainName", into: &d.domain},
			{name: "protocol", into: &d.protocol},
			{name: "routeKey", into: &d.contextRoute},
			{name: "http", into: &d.http, fields: []field{
				{name: "method", into: &d.httpMethod},
				{name: "protocol", into: &d.httpProtocol},
				{name: "sourceIp", into: &d.httpPeer},
				{name: "userAgent", into: &d.httpAgent},
			}},
			{name: "identity", fields: []field{{name: "sourceIp", into: &d.peer}, {name: "userAgent", into: &d.agent}}},
		}},
		{name: "httpMethod", into: &d.method},
		{name: "path", into: &d.path},
		{name: "rawPath", into: &d.rawPath},
		{name: "rawQueryString", into: &d.rawQuery},
		{name: "resource", into: &d.resource},
		{name: "routeKey", into: &d.routeKey},
		{name: "headers", into: &d.headers},
		{name: "multiValueHeaders", into: &d.multiHeaders},
		{name: "queryStringParameters", into: &d.query},
		{name: "multiValueQueryStringParameters", into: &d.multiQuery},
		{name: "methodArn", into: &d.methodARN},
		{name: "routeArn", into: &d.routeARN},
		{name: "Records", into: &d.records},
		{name: "eventSource", into: &d.eventSource},
		{name: "records", into: &d.lists},
		{name: "detail-type", into: &d.detailType},
		{name: "source", into: &d.source},
		{name: "detail", into: &d.detail},
		{name: "time", into: &d.time},
		{name: "id", into: &d.id},
		{name: "triggerSource", into: &d.triggerSource},
		{name: "userPoolId", into: &d.userPool},
		{name: "identityPoolId", into: &d.identityPool},
		{name: "datasetName", into: &d.dataset},
		{name: "Execution", into: &d.execution},
		{name: "StateMachine", into: &d.machine},
		{name: "State", into: &d.state},
		{name: "Context", into: &d.inner},
		{name: "context", into: &d.inner2},
		{name: "AWSTraceHeader", into: &d.traceHeader},
	})
}

// telling are the members by which a source is told. A struct type with none of them tells nothing.
var telling = []string{
	"requestContext", "Records", "eventSource", "detail-type", "triggerSource", "datasetName", "StateMachine", "Context", "context",
}

// detect tells the source by the event's members, Other where they are of none that is known.
func (d *document) detect() Source {
	switch {
	case d.records.present(): // first, since read looks for nothing after it
		return d.detectRecords()
	case d.methodARN.present() || d.routeARN.present():
		return Other
	case d.context.isObject():
		return d.detectHTTP()
	case d.lists.isObject() && (d.eventSource.is("aws:kafka") || d.eventSource.is("SelfManagedKafka")):
		return Kafka
	case d.detailType.present() && d.source.present():
		return EventBridge
	case d.triggerSource.present() && d.userPool.present(), d.dataset.present() && d.identityPool.present():
		return Cognito
	case d.stepFunctions():
		return StepFunctions
	}
	return Other
}

// detectHTTP tells which service a request came through, by what it says of it.
func (d *document) detectHTTP() Source {
	switch {
	case d.elb.isObject():
		return LoadBalancer
	case d.http.isObject() && isFunctionURL(d.domain.text()):
		return FunctionURL
	case d.http.isObject():
		return HTTPAPI
	case d.connection.present():
		return WebSocketAPI
	case d.method.present():
		return RESTAPI
	}
	return Other
}

// detectRecords tells the source of a list by its first record.
func (d *document) detectRecords() Source {
	var name, snsName value
	d.records.first(field{name: "eventSource", into: &name}, field{name: "EventSource", into: &snsName})
	switch {
	case name.is("aws:sqs"):
		return SQS
	case snsName.is("aws:sns"):
		return SNS
	case name.is("aws:kinesis"):
		return Kinesis
	case name.is("aws:dynamodb"):
		return DynamoDB
	case name.is("aws:s3"):
		return S3
	}
	return Other
}
