// Package lines finds OTLP JSON documents in logs: the lines that package internal/spill writes when a process ends while its
// backend is down.
//
// [Read] takes a log in any form: lines of other kinds between, timestamps and stream names before, compressed with gzip, the
// document as a string inside another JSON document, or in a field of CSV, as in exports of CloudWatch Logs. It looks for the
// documents themselves and so does not depend on what surrounds them.
package lines
