package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/wayside-tracing/wayside/agent/deliver/h2"
	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/sampling"
)

// renewEvery is how old a connection may become while questions are asked on
// it: a name may have got other addresses, a file with certificates changed.
const renewEvery = 5 * time.Minute

// collector asks collectors by gRPC, as the Jaeger Agent did.
type collector struct {
	turn
	client *h2.Client
	header []hpack.HeaderField // of every call; not changed

	mu      sync.Mutex
	renewed time.Time
}

func newCollector(opt Options) *collector {
	c := &collector{turn: turn{all: opt.Sources}, renewed: time.Now()}
	scheme := "http"
	if opt.TLS {
		scheme = "https"
	}
	c.client = h2.NewClient(func(ctx context.Context, address string) (net.Conn, error) {
		return opt.Dial(ctx, address, opt.TLS, "h2")
	})
	c.header = []hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: scheme},
		{Name: ":path", Value: sampling.Method},
		{Name: "content-type", Value: grpc.ContentType},
		{Name: "te", Value: "trailers"},
		{Name: "user-agent", Value: opt.UserAgent},
	}
	return c
}

func (c *collector) close() { c.client.Close() }

func (c *collector) ask(ctx context.Context, service string) (*sampling.Strategy, error) {
	c.renew()
	msg := sampling.AppendRequest(nil, service)
	body := grpc.AppendPrefix(make([]byte, 0, grpc.PrefixLen+len(msg)), false, len(msg))
	body = append(body, msg...)
	return c.each(ctx, func(ctx context.Context, address string) (*sampling.Strategy, error) {
		header := append([]hpack.HeaderField{{Name: ":authority", Value: address}}, c.header...)
		if deadline, ok := ctx.Deadline(); ok {
			// Each call has another: in HPACK's table they would push out the rest.
			header = append(header, hpack.HeaderField{Name: "grpc-timeout", Value: grpc.EncodeTimeout(time.Until(deadline)), Sensitive: true})
		}
		resp, err := c.client.Do(ctx, address, h2.Request{Header: header, Body: [][]byte{body}})
		if err != nil {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				err = errors.New("no answer in time")
			}
			return nil, err
		}
		return readAnswer(resp)
	})
}

func (c *collector) renew() {
	c.mu.Lock()
	old := time.Since(c.renewed) >= renewEvery
	if old {
		c.renewed = time.Now()
	}
	c.mu.Unlock()
	if old {
		c.client.Renew()
	}
}

// readAnswer reads what a collector says.
func readAnswer(resp *h2.Response) (*sampling.Strategy, error) {
	trailer := resp.Trailer
	if trailer.Get("grpc-status") == "" {
		trailer = resp.Header // the only ones, when that is all that there is
	}
	code := trailer.Get("grpc-status")
	if code == "" {
		return nil, fmt.Errorf("HTTP status %d without a grpc-status, content-type %q", resp.Status, resp.Header.Get("content-type"))
	}
	status := grpc.ParseStatus(code, trailer.Get("grpc-message"), "")
	switch status.Code {
	case grpc.OK:
	case grpc.Unknown, grpc.Internal, grpc.NotFound, grpc.InvalidArgument, grpc.FailedPrecondition:
		return nil, noStrategy{fmt.Errorf("%v: %s", status.Code, status.Message)} // it works, but not for this one
	default:
		return nil, fmt.Errorf("%v: %s", status.Code, status.Message)
	}
	msg, compressed, err := grpc.ReadMessage(resp.Body)
	if err == nil && compressed {
		err = errors.New("the answer is compressed, without being asked to be")
	}
	if err != nil {
		return nil, err
	}
	strategy, err := sampling.ReadProto(msg)
	if err != nil {
		return nil, noStrategy{err}
	}
	return strategy, nil
}
