// Package replay finds OTLP JSON lines in logs and sends their spans to an OTLP/HTTP endpoint. It is the other half of
// otelx's last resort, which writes such lines to a log when a process ends without its backend.
//
//	Read: bytes of a log → documents      Settings, Sender: documents → requests
//
// [Read] takes a log as it comes: lines of other kinds between, timestamps and stream names before, gzip around, the
// document as a string inside another JSON document, or in a field of CSV, as the exports of CloudWatch Logs have it. It looks for the
// documents alone, and so need not know what is around them.
//
// A [Sender] sends each span once, in requests of bounded size, tries those again that the backend asks to see again,
// and keeps account: Found = Duplicates + Sent + Rejected + Failed when Flush has returned.
package replay
