package accept

import "net/http"

// service is one thing that a listener can be asked: a method of gRPC, or a
// path of HTTP with one type of body. It takes spans, or answers a question.
type service struct {
	grpc bool
	// method and path are what is asked; gRPC's method is POST, and its path
	// is the name that people know the method by.
	method, path string
	mediaType    string // of a body that is no gRPC, in lower case
	protocol     protocol

	// take puts the spans of a complete request into a lane: those that can be
	// kept, all of them or none. It does not keep body. spans are those that
	// the lane has now.
	take func(lane Lane, body []byte) (spans int, err error)
	// done, says and in are status, body and type of the answer over HTTP to a
	// request that was taken; over gRPC it is an empty message.
	done int
	says []byte
	in   string

	// ask answers a question, in place of take. It may wait.
	ask func(question) answer
}

// protocol is how a listener's requests are counted.
type protocol uint8

const (
	overGRPC protocol = iota
	overHTTP          // with protobuf
	overJSON
	overThrift
	protocols
)

// question is a request that brings no spans.
type question struct {
	path  string
	query string // of an HTTP request: what follows the question mark
	body  []byte // valid until it is answered
}

// answer is one to a question.
type answer struct {
	err error // over gRPC: a grpc.Status says how the call ended; nil: well
	// status and mediaType are HTTP's.
	status    int
	mediaType string
	body      []byte // not changed any more
}

// Answers are given by somebody else, to those who come to a listener for Jaeger
// with a question: for a sampling strategy. Any goroutine may call, and up to
// maxRequests may wait at once.
type Answers interface {
	// Answer answers a call of a method of gRPC, "/service/method", with a
	// message. request is valid until it returns. An error that is a
	// grpc.Status is what the caller is told; any other is UNAVAILABLE.
	Answer(method string, request []byte) (reply []byte, err error)
	// Get answers an HTTP GET of a path with a query, not unescaped. body has
	// the type mediaType.
	Get(path, query string) (status int, mediaType string, body []byte)
}

// find finds the service that a target of a request names; over HTTP the one
// that takes a type of body, or else another one of the same path.
func find(list []service, grpc bool, path, mediaType string) (found *service) {
	for i := range list {
		s := &list[i]
		if s.grpc != grpc || s.path != path {
			continue
		}
		if grpc || s.mediaType == mediaType {
			return s
		}
		found = s
	}
	return found
}

// takes says what can be asked of a listener, for who asked for something else.
func takes(list []service, grpc bool) string {
	for i := range list {
		if s := &list[i]; s.grpc == grpc && s.take != nil {
			if grpc {
				return "this agent takes traces only: " + s.path
			}
			return "this agent takes traces only: " + http.MethodPost + " " + s.path
		}
	}
	if grpc {
		return "this address takes no gRPC"
	}
	return "this address takes gRPC only"
}

// types are those of bodies that are taken at a path.
func types(list []service, path string) (all []string) {
	for i := range list {
		if s := &list[i]; s.path == path && s.mediaType != "" {
			all = append(all, s.mediaType)
		}
	}
	return all
}
