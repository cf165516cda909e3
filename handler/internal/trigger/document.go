package trigger

// document is an event whose members have been looked up: those that tell what it is, and those that are read then. A name
// that several sources share stands once.
type document struct {
	context, method, path, rawPath, rawQuery value // HTTP: requestContext, httpMethod, …
	resource, routeKey                       value
	headers, multiHeaders, query, multiQuery value
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
	event.pickUntil(last,
		field{"requestContext", &d.context}, field{"httpMethod", &d.method}, field{"path", &d.path},
		field{"rawPath", &d.rawPath}, field{"rawQueryString", &d.rawQuery},
		field{"resource", &d.resource}, field{"routeKey", &d.routeKey},
		field{"headers", &d.headers}, field{"multiValueHeaders", &d.multiHeaders},
		field{"queryStringParameters", &d.query}, field{"multiValueQueryStringParameters", &d.multiQuery},
		field{"methodArn", &d.methodARN}, field{"routeArn", &d.routeARN},
		field{"Records", &d.records}, field{"eventSource", &d.eventSource}, field{"records", &d.lists},
		field{"detail-type", &d.detailType}, field{"source", &d.source}, field{"detail", &d.detail},
		field{"time", &d.time}, field{"id", &d.id},
		field{"triggerSource", &d.triggerSource}, field{"userPoolId", &d.userPool},
		field{"identityPoolId", &d.identityPool}, field{"datasetName", &d.dataset},
		field{"Execution", &d.execution}, field{"StateMachine", &d.machine}, field{"State", &d.state},
		field{"Context", &d.inner}, field{"context", &d.inner2},
		field{"AWSTraceHeader", &d.traceHeader},
	)
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
	var elb, http, connection, domain value
	d.context.pick(field{"elb", &elb}, field{"http", &http}, field{"connectionId", &connection}, field{"domainName", &domain})
	switch {
	case elb.isObject():
		return LoadBalancer
	case http.isObject() && isFunctionURL(domain.text()):
		return FunctionURL
	case http.isObject():
		return HTTPAPI
	case connection.present():
		return WebSocketAPI
	case d.method.present():
		return RESTAPI
	}
	return Other
}

// detectRecords tells the source of a list by its first record.
func (d *document) detectRecords() Source {
	var name, snsName value
	record := d.records.head()
	record.pick(field{"eventSource", &name}, field{"EventSource", &snsName})
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
