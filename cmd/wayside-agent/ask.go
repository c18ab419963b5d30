package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/wayside-tracing/wayside/agent"
	"github.com/wayside-tracing/wayside/agent/config"
)

// askTimeout is for all addresses together: kubelets give a probe 1 s, and a
// process that is killed has said nothing.
const askTimeout = 900 * time.Millisecond

// maxAnswer is in bytes; what is asked for takes less than 200.
const maxAnswer = 4 << 10

// ask asks the agent that was started with the same flags for a path of its
// admin addresses, and returns what one of them answers with 200.
func ask(cmd command, path string) (string, error) {
	addresses, secure, err := cmd.admin()
	if err != nil {
		return "", err
	}
	var list []place
	for _, a := range addresses {
		list = append(list, place{"tcp", reachable(a)})
	}
	for _, a := range addresses { // of an agent that somebody else kept from its address
		list = append(list, place{"unix", agent.StandIn(a)})
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	for _, p := range list {
		body, problem := getEither(ctx, p, path, secure)
		if problem == nil {
			return body, nil
		}
		if p.network == "tcp" {
			err = problem
		}
	}
	return "", err
}

// place is where somebody may be asked.
type place struct{ network, address string }

// admin is where the agent listens for questions how it is, and how.
func (c command) admin() (list []string, secure config.ServerTLS, err error) {
	s, _ := c.source() // a degraded agent goes without what is wrong with it, too
	addresses, secure := config.AdminOf(s.Source)
	if c.ask != "" {
		return []string{c.ask}, secure, nil
	}
	for _, a := range addresses {
		if strings.HasSuffix(a, ":0") {
			return nil, secure, fmt.Errorf("admin.http is %s, a port that the system chose: give it one", a)
		}
		list = append(list, a)
	}
	if len(list) == 0 {
		return nil, secure, errors.New("admin.http is off, there is nobody to ask")
	}
	return list, secure, nil
}

// reachable is an address to listen on as one to connect to.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	switch ip, err := netip.ParseAddr(host); {
	case host == "" || err == nil && ip == netip.IPv4Unspecified():
		host = "127.0.0.1"
	case err == nil && ip.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}

// getEither asks with TLS if the configuration has it, and the other way if the
// agent answers as if it had begun with another configuration.
func getEither(ctx context.Context, at place, path string, files config.ServerTLS) (body string, err error) {
	secure := files.Cert != ""
	if body, err = get(ctx, at, path, secure, files); errors.Is(err, errOtherwise) {
		body, err = get(ctx, at, path, !secure, files)
	}
	return body, err
}

// errOtherwise is of a question with TLS that was to be one without, or the other
// way round.
var errOtherwise = errors.New("it does not go by this configuration: is it running, with the same flags?")

// handshake is with the process on this machine that is asked how it is, which need
// not prove who it is. It is shown its own certificate, in case it demands one.
func handshake(conn net.Conn, files config.ServerTLS) net.Conn {
	cfg := &tls.Config{InsecureSkipVerify: true}
	if pair, err := tls.LoadX509KeyPair(files.Cert, files.Key); err == nil {
		cfg.Certificates = []tls.Certificate{pair}
	}
	return tls.Client(conn, cfg)
}

// get is a request in the simplest form there is: no proxies, no redirects, one
// connection.
func get(ctx context.Context, at place, path string, secure bool, files config.ServerTLS) (body string, err error) {
	address := at.address
	var d net.Dialer
	conn, err := d.DialContext(ctx, at.network, address)
	if err != nil {
		return "", notReached(address, err)
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // an open connection has one
	if secure {
		conn = handshake(conn, files)
	}
	req := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}, Host: host(at), Close: true}
	if err := req.Write(conn); err != nil {
		return "", notReached(address, err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return "", notReached(address, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return "", notReached(address, err)
	}
	body = strings.TrimSpace(string(b))
	if !secure && res.StatusCode == http.StatusBadRequest { // what net/http says of what is no handshake
		return "", fmt.Errorf("%s: %w", address, errOtherwise)
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s: %s", address, res.Status, body)
	}
	return body, nil
}

// host is a request's.
func host(at place) string {
	if at.network == "unix" {
		return "localhost"
	}
	return at.address
}

func notReached(address string, err error) error {
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case noTLS:
		return fmt.Errorf("%s: %w", address, errOtherwise)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nobody listens at %s; is the agent running, with the same flags?", address)
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s did not answer in %v", address, askTimeout)
	default:
		return fmt.Errorf("%s: %w", address, err)
	}
}
