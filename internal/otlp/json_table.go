package otlp

// message is a kind of OTLP message, an index into a table.
type message uint8

const (
	messageResource message = iota
	messageScope
	messageKeyValue
	messageAnyValue
	messageArrayValue
	messageKeyValueList
	messageRequest // its fields differ by signal, as those of all messages below
)

const (
	messageResourceSpans = messageRequest + 1 + iota
	messageScopeSpans
	messageSpan
	messageEvent
	messageLink
	messageStatus
)

const (
	messageResourceMetrics = messageRequest + 1 + iota
	messageScopeMetrics
	messageMetric
	messageGauge
	messageSum
	messageHistogram
	messageExponentialHistogram
	messageSummary
	messageNumberDataPoint
	messageHistogramDataPoint
	messageExponentialHistogramDataPoint
	messageBuckets
	messageSummaryDataPoint
	messageValueAtQuantile
	messageExemplar
)

const (
	messageResourceLogs = messageRequest + 1 + iota
	messageScopeLogs
	messageLogRecord
)

// form is the JSON form of a field's value.
type form uint8

const (
	formText   form = iota
	formHex         // of an id
	formBase64      // of other bytes
	formBool
	formNumber   // of at most 32 bits
	formSint32   // a number, in zigzag form on the wire
	formUint64   // a string, because most JSON readers have 53 bits for a number
	formInt64    // the same
	formDouble   // a string if JSON has no such number
	formObject   // a message
	formMessages // field is a list of messages
	formFixed64s // a packed list
	formUints    // a packed list of varints
	formDoubles  // a packed list
)

// jsonField is a field of a message.
type jsonField struct {
	number uint8
	form   form
	of     message // of an object
	name   string  // quoted and with its colon
}

// table has the fields of each message of a signal in the order in which this package writes them. Each signal has a
// table of its own, so that a program links those of its signals only.
type table [messageExemplar + 1][]jsonField

// fields returns the fields of m.
func (t *table) fields(m message) []jsonField {
	if m < messageRequest {
		return commonTable[m]
	}
	return t[m]
}

// commonTable has the messages that all signals share: opentelemetry-proto, resource/v1 and common/v1.
var commonTable = [messageRequest][]jsonField{
	messageResource: {{1, formMessages, messageKeyValue, `"attributes":`}},
	messageScope: {
		{1, formText, 0, `"name":`}, {2, formText, 0, `"version":`}, {3, formMessages, messageKeyValue, `"attributes":`},
	},
	messageKeyValue: {{1, formText, 0, `"key":`}, {2, formObject, messageAnyValue, `"value":`}},
	messageAnyValue: {
		{anyString, formText, 0, `"stringValue":`},
		{anyBool, formBool, 0, `"boolValue":`},
		{anyInt, formInt64, 0, `"intValue":`},
		{anyDouble, formDouble, 0, `"doubleValue":`},
		{anyArray, formObject, messageArrayValue, `"arrayValue":`},
		{anyKvlist, formObject, messageKeyValueList, `"kvlistValue":`},
		{anyBytes, formBase64, 0, `"bytesValue":`},
	},
	messageArrayValue:   {{1, formMessages, messageAnyValue, `"values":`}},
	messageKeyValueList: {{1, formMessages, messageKeyValue, `"values":`}},
}

// spanTable has the messages of opentelemetry-proto, trace/v1.
var spanTable = table{
	messageRequest: {{1, formMessages, messageResourceSpans, `"resourceSpans":`}},
	messageResourceSpans: {
		{1, formObject, messageResource, `"resource":`},
		{2, formMessages, messageScopeSpans, `"scopeSpans":`},
		{3, formText, 0, `"schemaUrl":`},
	},
	messageScopeSpans: {
		{1, formObject, messageScope, `"scope":`},
		{2, formMessages, messageSpan, `"spans":`},
		{3, formText, 0, `"schemaUrl":`},
	},
	messageSpan: {
		{1, formHex, 0, `"traceId":`},
		{2, formHex, 0, `"spanId":`},
		{3, formText, 0, `"traceState":`},
		{4, formHex, 0, `"parentSpanId":`},
		{5, formText, 0, `"name":`},
		{6, formNumber, 0, `"kind":`},
		{7, formUint64, 0, `"startTimeUnixNano":`},
		{8, formUint64, 0, `"endTimeUnixNano":`},
		{9, formMessages, messageKeyValue, `"attributes":`},
		{10, formNumber, 0, `"droppedAttributesCount":`},
		{11, formMessages, messageEvent, `"events":`},
		{12, formNumber, 0, `"droppedEventsCount":`},
		{13, formMessages, messageLink, `"links":`},
		{14, formNumber, 0, `"droppedLinksCount":`},
		{15, formObject, messageStatus, `"status":`},
		{16, formNumber, 0, `"flags":`},
	},
	messageEvent: {
		{1, formUint64, 0, `"timeUnixNano":`},
		{2, formText, 0, `"name":`},
		{3, formMessages, messageKeyValue, `"attributes":`},
		{4, formNumber, 0, `"droppedAttributesCount":`},
	},
	messageLink: {
		{1, formHex, 0, `"traceId":`},
		{2, formHex, 0, `"spanId":`},
		{3, formText, 0, `"traceState":`},
		{4, formMessages, messageKeyValue, `"attributes":`},
		{5, formNumber, 0, `"droppedAttributesCount":`},
		{6, formNumber, 0, `"flags":`},
	},
	messageStatus: {{2, formText, 0, `"message":`}, {3, formNumber, 0, `"code":`}},
}

// metricTable has the messages of opentelemetry-proto, metrics/v1.
var metricTable = table{
	messageRequest: {{1, formMessages, messageResourceMetrics, `"resourceMetrics":`}},
	messageResourceMetrics: {
		{1, formObject, messageResource, `"resource":`},
		{2, formMessages, messageScopeMetrics, `"scopeMetrics":`},
		{3, formText, 0, `"schemaUrl":`},
	},
	messageScopeMetrics: {
		{1, formObject, messageScope, `"scope":`},
		{2, formMessages, messageMetric, `"metrics":`},
		{3, formText, 0, `"schemaUrl":`},
	},
	messageMetric: {
		{1, formText, 0, `"name":`},
		{2, formText, 0, `"description":`},
		{3, formText, 0, `"unit":`},
		{kindGauge, formObject, messageGauge, `"gauge":`},
		{kindSum, formObject, messageSum, `"sum":`},
		{kindHistogram, formObject, messageHistogram, `"histogram":`},
		{kindExponential, formObject, messageExponentialHistogram, `"exponentialHistogram":`},
		{kindSummary, formObject, messageSummary, `"summary":`},
	},
	messageGauge: {{1, formMessages, messageNumberDataPoint, `"dataPoints":`}},
	messageSum: {
		{1, formMessages, messageNumberDataPoint, `"dataPoints":`},
		{2, formNumber, 0, `"aggregationTemporality":`},
		{3, formBool, 0, `"isMonotonic":`},
	},
	messageHistogram: {
		{1, formMessages, messageHistogramDataPoint, `"dataPoints":`},
		{2, formNumber, 0, `"aggregationTemporality":`},
	},
	messageExponentialHistogram: {
		{1, formMessages, messageExponentialHistogramDataPoint, `"dataPoints":`},
		{2, formNumber, 0, `"aggregationTemporality":`},
	},
	messageSummary: {{1, formMessages, messageSummaryDataPoint, `"dataPoints":`}},
	messageNumberDataPoint: {
		{2, formUint64, 0, `"startTimeUnixNano":`},
		{3, formUint64, 0, `"timeUnixNano":`},
		{5, formMessages, messageExemplar, `"exemplars":`},
		{7, formMessages, messageKeyValue, `"attributes":`},
		{4, formDouble, 0, `"asDouble":`},
		{6, formInt64, 0, `"asInt":`},
	},
	messageHistogramDataPoint: {
		{2, formUint64, 0, `"startTimeUnixNano":`},
		{3, formUint64, 0, `"timeUnixNano":`},
		{4, formUint64, 0, `"count":`},
		{5, formDouble, 0, `"sum":`},
		{6, formFixed64s, 0, `"bucketCounts":`},
		{7, formDoubles, 0, `"explicitBounds":`},
		{8, formMessages, messageExemplar, `"exemplars":`},
		{9, formMessages, messageKeyValue, `"attributes":`},
		{11, formDouble, 0, `"min":`},
		{12, formDouble, 0, `"max":`},
	},
	messageExponentialHistogramDataPoint: {
		{1, formMessages, messageKeyValue, `"attributes":`},
		{2, formUint64, 0, `"startTimeUnixNano":`},
		{3, formUint64, 0, `"timeUnixNano":`},
		{4, formUint64, 0, `"count":`},
		{5, formDouble, 0, `"sum":`},
		{6, formSint32, 0, `"scale":`},
		{7, formUint64, 0, `"zeroCount":`},
		{8, formObject, messageBuckets, `"positive":`},
		{9, formObject, messageBuckets, `"negative":`},
		{11, formMessages, messageExemplar, `"exemplars":`},
		{12, formDouble, 0, `"min":`},
		{13, formDouble, 0, `"max":`},
		{14, formDouble, 0, `"zeroThreshold":`},
	},
	messageBuckets: {{1, formSint32, 0, `"offset":`}, {2, formUints, 0, `"bucketCounts":`}},
	messageSummaryDataPoint: {
		{2, formUint64, 0, `"startTimeUnixNano":`},
		{3, formUint64, 0, `"timeUnixNano":`},
		{4, formUint64, 0, `"count":`},
		{5, formDouble, 0, `"sum":`},
		{6, formMessages, messageValueAtQuantile, `"quantileValues":`},
		{7, formMessages, messageKeyValue, `"attributes":`},
	},
	messageValueAtQuantile: {{1, formDouble, 0, `"quantile":`}, {2, formDouble, 0, `"value":`}},
	messageExemplar: {
		{2, formUint64, 0, `"timeUnixNano":`},
		{4, formHex, 0, `"spanId":`},
		{5, formHex, 0, `"traceId":`},
		{7, formMessages, messageKeyValue, `"filteredAttributes":`},
		{3, formDouble, 0, `"asDouble":`},
		{6, formInt64, 0, `"asInt":`},
	},
}

// logTable has the messages of opentelemetry-proto, logs/v1.
var logTable = table{
	messageRequest: {{1, formMessages, messageResourceLogs, `"resourceLogs":`}},
	messageResourceLogs: {
		{1, formObject, messageResource, `"resource":`},
		{2, formMessages, messageScopeLogs, `"scopeLogs":`},
		{3, formText, 0, `"schemaUrl":`},
	},
	messageScopeLogs: {
		{1, formObject, messageScope, `"scope":`},
		{2, formMessages, messageLogRecord, `"logRecords":`},
		{3, formText, 0, `"schemaUrl":`},
	},
	messageLogRecord: {
		{1, formUint64, 0, `"timeUnixNano":`},
		{2, formNumber, 0, `"severityNumber":`},
		{3, formText, 0, `"severityText":`},
		{5, formObject, messageAnyValue, `"body":`},
		{6, formMessages, messageKeyValue, `"attributes":`},
		{7, formNumber, 0, `"droppedAttributesCount":`},
		{8, formNumber, 0, `"flags":`},
		{9, formHex, 0, `"traceId":`},
		{10, formHex, 0, `"spanId":`},
		{11, formUint64, 0, `"observedTimeUnixNano":`},
		{12, formText, 0, `"eventName":`},
	},
}
