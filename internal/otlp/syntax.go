package otlp

import (
	"encoding/binary"

	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// syntax is the difference between protobuf and JSON. A group, which is a resource or a scope, is a description, then its members,
// then the rest of the description.
type syntax interface {
	// span appends a span as a member of its scope, without the header.
	span(dst []byte, span sdktrace.ReadOnlySpan) []byte
	// resource and scope append the description of a group and return the position of the members in it.
	resource(dst []byte, res *resource.Resource) (out []byte, split int)
	scope(dst []byte, scope instrumentation.Scope) (out []byte, split int)
	// header begins a member with n bytes of content in the given field.
	header(dst []byte, field, n int) []byte
	// framed returns the size of a member with n bytes of content.
	framed(n int) int
	// closed ends the members of a group that has members. It does not change the size of dst.
	closed(dst []byte) []byte
}

// protobuf is the syntax of OTLP's binary encoding.
type protobuf struct{}

func (protobuf) span(dst []byte, span sdktrace.ReadOnlySpan) []byte { return appendSpan(dst, span) }

func (protobuf) resource(dst []byte, res *resource.Resource) (out []byte, split int) {
	dst, mark := open(dst, 1)
	dst = shut(appendSet(dst, 1, res.Set()), mark)
	split = len(dst)
	return appendString(dst, 3, res.SchemaURL()), split
}

func (protobuf) scope(dst []byte, scope instrumentation.Scope) (out []byte, split int) {
	if !anonymous(scope) {
		var mark int
		dst, mark = open(dst, 1)
		dst = appendString(dst, 1, scope.Name)
		dst = appendString(dst, 2, scope.Version)
		dst = shut(appendSet(dst, 3, &scope.Attributes), mark)
	}
	split = len(dst)
	return appendString(dst, 3, scope.SchemaURL), split
}

func (protobuf) header(dst []byte, field, n int) []byte {
	return binary.AppendUvarint(appendTag(dst, field, wireBytes), uint64(n))
}

func (protobuf) framed(n int) int { return framed(n) }

func (protobuf) closed(dst []byte) []byte { return dst }

// anonymous reports whether scope has nothing except a schema URL.
func anonymous(scope instrumentation.Scope) bool {
	return scope.Name == "" && scope.Version == "" && scope.Attributes.Len() == 0
}
