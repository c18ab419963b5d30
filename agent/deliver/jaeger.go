package deliver

import (
	"sync"

	"github.com/wayside-tracing/wayside/wire/jaegerproto"
)

// postPath is the method of api_v2/collector.proto (jaegertracing/jaeger-idl).
const postPath = "/jaeger.api_v2.CollectorService/PostSpans"

// maxPost is the largest request to a Jaeger collector, in bytes, before it is
// compressed. In it each span has its process, so a batch may take several
// times its own size, and is sent in as many requests as it takes. Receivers
// take 4 MiB (grpc-go, defaultServerMaxReceiveMessageSize); a quarter of that is
// what a request in flight may cost in memory. A span that stands alone may be
// larger: it is in a frame of 512 KiB, and JSON may make six times as much of it.
const maxPost = 1 << 20

// NewJaeger returns a transport to Jaeger collectors by gRPC, api_v2.
func NewJaeger(opt TransportOptions) *GRPC {
	t := newGRPC(opt, postPath)
	t.posts = &posts{}
	return t
}

// posts has the encoders of requests, one for each export at once.
type posts struct {
	idle sync.Pool // of *jaegerproto.Encoder
}

func (p *posts) encoder() *jaegerproto.Encoder {
	if e, ok := p.idle.Get().(*jaegerproto.Encoder); ok {
		return e
	}
	return &jaegerproto.Encoder{}
}

// release gives an encoder back, whose request is used no more.
func (p *posts) release(e *jaegerproto.Encoder) {
	if e.Cap() <= 2*maxPost {
		p.idle.Put(e)
	}
}
