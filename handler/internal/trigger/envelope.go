package trigger

import "github.com/epilogue-go/epilogue/handler/internal/event"

// envelopeMembers are those of an SNS message and of an EventBridge event.
var envelopeMembers = []string{"Type", "TopicArn", "MessageAttributes", "Message", "detail-type", "source", "detail"}

// openEnvelope looks into the body of a message, which SNS or EventBridge may have sent: it is the JSON text of an SNS
// message (Amazon SNS Developer Guide, "Raw message delivery") or of an event. It returns the topic and the members
// that may have a span context. A body is decoded once, and once more for an event within an SNS message.
func openEnvelope(body event.Value) (topic string, members event.Value) {
	if !body.Mentions("TopicArn", "detail-type") {
		return "", event.Value{}
	}
	e := body.Embedded().Select(envelopeMembers...)
	if topic = e.Get("TopicArn").Text(); topic != "" && e.Get("Type").Text() == "Notification" {
		return topic, notificationMembers(&e)
	}
	return "", detailOf(&e)
}

// notificationMembers returns the members of an SNS message that may have a span context: its attributes, or the detail
// of an EventBridge event in its text.
func notificationMembers(notification *event.Object) event.Value {
	if attributes := notification.Get("MessageAttributes"); !attributes.Empty() {
		return attributes
	}
	return eventDetail(notification.Get("Message"))
}

// eventDetail returns the detail of an EventBridge event in the text of a message.
func eventDetail(message event.Value) event.Value {
	if !message.Mentions("detail-type") {
		return event.Value{}
	}
	e := message.Embedded().Select(envelopeMembers...)
	return detailOf(&e)
}

// detailOf returns the detail of an EventBridge event; absent for any other object.
func detailOf(e *event.Object) event.Value {
	detail := e.Get("detail")
	if !e.Get("detail-type").Present() || !e.Get("source").Present() || !detail.IsObject() {
		return event.Value{}
	}
	return detail
}
