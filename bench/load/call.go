package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/wayside-tracing/wayside/agent/deliver/h2"
	"github.com/wayside-tracing/wayside/wire/grpc"
)

const userAgent = "OTel-OTLP-Exporter-Go/1.38.0"

var errPartial = errors.New("partial success")

// grpcCaller makes unary calls with the agent's own client: it costs the
// machine less than any other that there is for Go.
type grpcCaller struct {
	client *h2.Client
	to     string
	header []hpack.HeaderField
}

func newGRPCCaller(to, path string) *grpcCaller {
	dial := func(ctx context.Context, address string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", address)
	}
	return &grpcCaller{h2.NewClient(dial), to, []hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: "http"},
		{Name: ":path", Value: path},
		{Name: ":authority", Value: to},
		{Name: "content-type", Value: grpc.ContentType},
		{Name: "user-agent", Value: userAgent},
		{Name: "te", Value: "trailers"},
		{Name: "grpc-timeout", Value: "10S"},
	}}
}

func (c *grpcCaller) close() { c.client.Close() }

func (c *grpcCaller) call(request []byte) (refused string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	prefix := grpc.AppendPrefix(make([]byte, 0, grpc.PrefixLen), false, len(request))
	resp, err := c.client.Do(ctx, c.to, h2.Request{Header: c.header, Body: [][]byte{prefix, request}})
	if err != nil {
		return "", err
	}
	code := resp.Trailer.Get("grpc-status")
	if code == "" {
		code = resp.Header.Get("grpc-status")
	}
	switch code {
	case "0":
	case "":
		return "", fmt.Errorf("HTTP status %d without a grpc-status", resp.Status)
	default:
		return grpc.ParseCode(code).String(), nil
	}
	message, _, err := grpc.ReadMessage(resp.Body)
	if err == nil && grpc.ReadTraceResponse(message).Rejected != 0 {
		err = errPartial
	}
	return "", err
}

// httpCaller makes HTTP/1.1 requests whose header is always the same bytes.
type httpCaller struct {
	to       string
	head     []byte
	accepted int      // the status that says so
	conn     net.Conn // nil: none yet, or it broke
	from     *bufio.Reader
}

func newHTTPCaller(to string, f form, size int) *httpCaller {
	return &httpCaller{to: to, accepted: f.accepted, head: fmt.Appendf(nil,
		"POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", f.path, to, userAgent, f.mediaType, size)}
}

func (c *httpCaller) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

func (c *httpCaller) call(request []byte) (refused string, err error) {
	if c.conn == nil {
		if c.conn, err = net.Dial("tcp", c.to); err != nil {
			c.conn = nil
			return "", err
		}
		c.from = bufio.NewReader(c.conn)
	}
	keep := false
	defer func() {
		if !keep {
			c.close()
		}
	}()
	if err := c.conn.SetDeadline(time.Now().Add(callTimeout)); err != nil {
		return "", err
	}
	both := net.Buffers{c.head, request}
	_, unsent := both.WriteTo(c.conn) // a server may refuse, and close, before it has read all
	resp, err := http.ReadResponse(c.from, nil)
	if err != nil {
		return "", errors.Join(unsent, err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	resp.Body.Close()
	keep = unsent == nil && !resp.Close
	if resp.StatusCode != c.accepted {
		return resp.Status, nil
	}
	rejected := bytes.Contains(body, []byte(`"rejectedSpans"`))
	if !strings.HasSuffix(resp.Header.Get("Content-Type"), "json") {
		rejected = grpc.ReadTraceResponse(body).Rejected != 0
	}
	if rejected {
		err = errPartial
	}
	return "", err
}
