package zipkin

import "github.com/wayside-tracing/wayside/wire/json"

// name is the name of a member of an object of Zipkin's JSON (openzipkin/
// zipkin-api, zipkin2-api.yaml and, for version 1, zipkin-api.yaml).
type name uint8

const (
	noName name = iota
	nameTraceID
	nameID
	nameParentID
	nameName
	nameKind
	nameTimestamp
	nameDuration
	nameLocalEndpoint
	nameRemoteEndpoint
	nameAnnotations
	nameBinaryAnnotations
	nameTags
	nameKey
	nameValue
	nameEndpoint
	nameService
	nameIPv4
	nameIPv6
	namePort
)

func nameOf(s []byte) name {
	switch string(s) {
	case "traceId":
		return nameTraceID
	case "id":
		return nameID
	case "parentId":
		return nameParentID
	case "name":
		return nameName
	case "kind":
		return nameKind
	case "timestamp":
		return nameTimestamp
	case "duration":
		return nameDuration
	case "localEndpoint":
		return nameLocalEndpoint
	case "remoteEndpoint":
		return nameRemoteEndpoint
	case "annotations":
		return nameAnnotations
	case "binaryAnnotations":
		return nameBinaryAnnotations
	case "tags":
		return nameTags
	case "key":
		return nameKey
	case "value":
		return nameValue
	case "endpoint":
		return nameEndpoint
	case "serviceName":
		return nameService
	case "ipv4":
		return nameIPv4
	case "ipv6":
		return nameIPv6
	case "port":
		return namePort
	}
	return noName
}

// names are those that an object has had: a bit for each.
type names uint32

// read reads the name of a member, up to its value. One that comes twice is
// refused: which of them was meant can't be known, and a second list would have to
// take the first one back.
func (n *names) read(r *json.Reader) name {
	r.Peek()
	start := r.Offset()
	found := nameOf(r.Key())
	if found == noName {
		return noName
	}
	if *n>>found&1 != 0 {
		r.FailAt("a member that comes twice", start)
		return noName
	}
	*n |= 1 << found
	return found
}
