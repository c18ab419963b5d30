package sdk

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"

	"google.golang.org/grpc"
)

// attempts stands between an exporter in Go and its connection and sees what is sent again. An exporter sends one request
// at a time.
type attempts struct {
	next    *http.Transport // for HTTP
	failed  bool
	ended   time.Time // the last one
	retries Retries
}

func (a *attempts) begin() {
	if a.failed {
		a.retries = append(a.retries, time.Since(a.ended))
	}
}

func (a *attempts) end(failed bool) { a.failed, a.ended = failed, time.Now() }

// call is a grpc.UnaryClientInterceptor.
func (a *attempts) call(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	a.begin()
	err := invoke(ctx, method, req, reply, conn, opts...)
	a.end(err != nil)
	return err
}

// RoundTrip is http.RoundTripper's.
func (a *attempts) RoundTrip(r *http.Request) (*http.Response, error) {
	a.begin()
	response, err := a.next.RoundTrip(r)
	a.end(err != nil || response.StatusCode != http.StatusOK)
	return response, err
}

// config is what the files say; nil for no credentials.
func (c *Credentials) config() (*tls.Config, error) {
	if c == nil {
		return nil, nil
	}
	ca, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	if !config.RootCAs.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("no certificate in %s", c.CA)
	}
	if c.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
