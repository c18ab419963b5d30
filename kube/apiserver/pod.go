package apiserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// podTimeout is for an answer of a pod, by either way.
const podTimeout = 5 * time.Second

var pods = Kind{"", "v1", "pods"}

// AskPod asks a port of a pod for a path, JSON if it has a choice.
//
// There are two ways. The API server's proxy takes the permission to get
// pods/proxy, which is to send GET to every port of the pods; it reaches what
// listens on the pod's own address. A forwarded port takes the permission to
// create pods/portforward, which is to send anything to every port; it reaches
// loopback as well, through the kubelet. The first is tried, then the second. An
// error has what both said.
func (c *Client) AskPod(ctx context.Context, namespace, pod string, port int32, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*podTimeout)
	defer cancel()
	body, err := c.proxied(ctx, namespace, pod, port, path)
	if err == nil || Missing(err) && isStatus(err) { // the pod is gone
		return body, err
	}
	body, second := c.forwarded(ctx, namespace, pod, port, path)
	if second == nil {
		return body, nil
	}
	return nil, errors.Join(err, second)
}

func isStatus(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Reason != ""
}

func (c *Client) proxied(ctx context.Context, namespace, pod string, port int32, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, podTimeout)
	defer cancel()
	return c.ask(ctx, Ref{
		Kind: pods, Namespace: namespace, Name: pod + ":" + strconv.Itoa(int(port)),
		Sub: "proxy", Below: strings.TrimPrefix(path, "/"),
	}, nil)
}

// forwarded sends one request through a forwarded port, without a listener on
// this machine.
func (c *Client) forwarded(ctx context.Context, namespace, pod string, port int32, path string) ([]byte, error) {
	stream, closeAll, err := c.Forward(ctx, namespace, pod, port)
	if err != nil {
		return nil, err
	}
	defer closeAll()
	req := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}, Host: "localhost", Close: true, Header: http.Header{"Accept": {"application/json"}}}
	body, err := exchange(stream, req)
	if err != nil {
		return nil, fmt.Errorf("port %d of pod %s: %w", port, pod, err)
	}
	return body, nil
}

func exchange(stream io.ReadWriter, req *http.Request) ([]byte, error) {
	if err := req.Write(stream); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(bufio.NewReader(stream), req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("answers HTTP %d", res.StatusCode)
	}
	return body, err
}

// Forward opens a connection to a port of a pod, as kubectl port-forward does,
// over WebSocket or, where that is not understood, SPDY. It ends when ctx is
// done, or closeAll is called.
func (c *Client) Forward(ctx context.Context, namespace, pod string, port int32) (stream io.ReadWriteCloser, closeAll func(), err error) {
	ref := Ref{Kind: pods, Namespace: namespace, Name: pod, Sub: "portforward"}
	dialer, err := c.dialer(c.base.JoinPath(ref.path()))
	if err != nil {
		return nil, nil, err
	}
	type dialled struct {
		conn httpstream.Connection
		err  error
	}
	done := make(chan dialled, 1)
	go func() { // a dialer knows no context
		conn, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
		done <- dialled{conn, err}
	}()
	var d dialled
	select {
	case d = <-done:
	case <-ctx.Done():
		go func() {
			if late := <-done; late.err == nil {
				late.conn.Close()
			}
		}()
		return nil, nil, fmt.Errorf("%s: no answer in time", ref)
	}
	if d.err != nil {
		return nil, nil, forwardError(ref, d.err)
	}
	stop := context.AfterFunc(ctx, func() { d.conn.Close() })
	closeAll = func() { stop(); d.conn.Close() }
	if stream, err = openStreams(d.conn, port); err != nil {
		closeAll()
		return nil, nil, fmt.Errorf("%s: %w", ref, err)
	}
	return stream, closeAll, nil
}

// dialer is kubectl's: its second choice is for API servers, and proxies before
// them, that don't take WebSocket for this.
func (c *Client) dialer(u *url.URL) (httpstream.Dialer, error) {
	config := rest.CopyConfig(c.config)
	byWebSocket, err := portforward.NewSPDYOverWebsocketDialerForStreaming(u, config)
	if err != nil {
		return nil, err
	}
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	bySPDY := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, u)
	return portforward.NewFallbackDialerForStreaming(byWebSocket, bySPDY, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}

// openStreams opens the pair that a connection to a port is: one for errors,
// which is first, and one for data.
func openStreams(conn httpstream.Connection, port int32) (io.ReadWriteCloser, error) {
	h := http.Header{}
	h.Set(corev1.PortHeader, strconv.Itoa(int(port)))
	h.Set(corev1.PortForwardRequestIDHeader, "0")
	h.Set(corev1.StreamType, corev1.StreamTypeError)
	errs, err := conn.CreateStream(h)
	if err != nil {
		return nil, err
	}
	errs.Close() // nothing is written to it
	h.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := conn.CreateStream(h)
	if err != nil {
		return nil, err
	}
	told := make(chan error, 1)
	go func() {
		if b, err := io.ReadAll(errs); err == nil && len(b) > 0 {
			told <- errors.New(strings.TrimSpace(string(b)))
		}
		close(told)
	}()
	return &connection{data, told}, nil
}

// connection is a port's. Where it ends early, the kubelet says why.
type connection struct {
	io.ReadWriteCloser
	told chan error // of the stream for errors; closed by who reads that
}

func (c *connection) Read(p []byte) (int, error) {
	n, err := c.ReadWriteCloser.Read(p)
	if err != nil && n == 0 {
		select {
		case why := <-c.told:
			if why != nil {
				return 0, why
			}
		case <-time.After(100 * time.Millisecond): // it is about to come, or there is none
		}
	}
	return n, err
}

// forwardError finds the permission in what a dialer says. The library puts the
// API server's answer into the text of an error.
func forwardError(ref Ref, err error) error {
	text := err.Error()
	if strings.Contains(text, "orbidden") {
		return &Error{Ref: ref, Code: http.StatusForbidden, Message: text, Reason: "Forbidden"}
	}
	return fmt.Errorf("%s: %w", ref, err)
}
