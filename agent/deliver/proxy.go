package deliver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Proxy says through which HTTP proxy a URL is reached: nil is none. gRPC
// asks for https://, with and without TLS, as gRPC-Go does.
type Proxy func(to *url.URL) (*url.URL, error)

// EnvironmentProxy goes by HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in upper or
// lower case, as they were when the process was first asked. localhost and
// loopback addresses never have one.
func EnvironmentProxy(to *url.URL) (*url.URL, error) {
	return http.ProxyFromEnvironment(&http.Request{URL: to})
}

// of is the proxy of an endpoint.
func (p Proxy) of(endpoint string) (*url.URL, error) {
	if p == nil {
		return nil, nil
	}
	to := &url.URL{Scheme: "https", Host: endpoint}
	if strings.Contains(endpoint, "://") {
		var err error
		if to, err = url.Parse(endpoint); err != nil {
			return nil, err
		}
	}
	return p(to)
}

// proxyTimeout is for what a proxy does after it is connected to: it looks a
// name up and connects, for which it needs as long as we would.
const proxyTimeout = 2 * dialTimeout

// maxProxyAnswer bounds what is read of a proxy's answer, in bytes.
const maxProxyAnswer = 16 << 10

// tunnel connects to host:port through a proxy (RFC 9110, section 9.3.6). It is
// the proxy that looks up the name. No error has its password in it.
func tunnel(ctx context.Context, proxy *url.URL, hostPort, userAgent string) (net.Conn, error) {
	conn, err := dialProxy(ctx, proxy)
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, proxyTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	err = connect(conn, proxy, hostPort, userAgent)
	if !stop() && err == nil || ctx.Err() != nil {
		err = errors.New("no answer in time")
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("proxy %s: %w", proxy.Host, err)
	}
	return conn, nil
}

func dialProxy(ctx context.Context, proxy *url.URL) (net.Conn, error) {
	host, port := Target{Endpoint: proxy.Scheme + "://" + proxy.Host}.host()
	dialer := net.Dialer{Timeout: dialTimeout}
	switch address := net.JoinHostPort(host, port); proxy.Scheme {
	case "http":
		return dialer.DialContext(ctx, "tcp", address)
	case "https":
		ctx, cancel := context.WithTimeout(ctx, dialTimeout+handshakeTimeout)
		defer cancel()
		secure := tls.Dialer{NetDialer: &dialer, Config: &tls.Config{MinVersion: tls.VersionTLS12}}
		return secure.DialContext(ctx, "tcp", address)
	}
	return nil, fmt.Errorf("%s://%s is not one by HTTP; write http:// or https://", proxy.Scheme, proxy.Host)
}

func connect(conn net.Conn, proxy *url.URL, hostPort, userAgent string) error {
	request := "CONNECT " + hostPort + " HTTP/1.1\r\nHost: " + hostPort + "\r\nUser-Agent: " + userAgent + "\r\n"
	if proxy.User != nil {
		password, _ := proxy.User.Password()
		request += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(proxy.User.Username()+":"+password)) + "\r\n"
	}
	if _, err := conn.Write([]byte(request + "\r\n")); err != nil {
		return err
	}
	// Byte by byte: what follows the answer is the endpoint's, and a server of
	// HTTP/2 speaks first.
	var answer []byte
	for b := make([]byte, 1); !bytes.HasSuffix(answer, []byte("\r\n\r\n")); answer = append(answer, b...) {
		if _, err := conn.Read(b); err != nil {
			return err
		}
		if len(answer) == maxProxyAnswer {
			return errors.New("an answer of more than 16 KiB")
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("it answers %q to CONNECT %s", resp.Status, hostPort)
	}
	return nil
}
