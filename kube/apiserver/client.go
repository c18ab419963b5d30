package apiserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// timeout is for one answer, of a page of a list at most.
const timeout = 15 * time.Second

// maxAnswer is in bytes: a page of 500 pods with long environments takes a few
// million.
const maxAnswer = 64 << 20

// Choice is which cluster, as kubectl's flags of these names say it. Empty fields
// leave it to the kubeconfig.
type Choice struct {
	Kubeconfig string
	Context    string
	Namespace  string
}

// Client asks one API server. It is safe for concurrent use.
type Client struct {
	// Namespace is the one that is meant where none is named.
	Namespace string
	config    *rest.Config
	http      *http.Client
	base      *url.URL
}

// Open finds the cluster: $KUBECONFIG, ~/.kube/config, or in a pod its own
// account. Nothing is asked yet.
func Open(c Choice) (*Client, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.Kubeconfig
	over := &clientcmd.ConfigOverrides{CurrentContext: c.Context}
	over.Context.Namespace = c.Namespace
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, over)
	config, err := loader.ClientConfig()
	switch {
	case clientcmd.IsEmptyConfig(err):
		return nil, errors.New("no cluster is configured; give --kubeconfig FILE, or set KUBECONFIG, as for kubectl")
	case err != nil:
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	return New(config, namespace)
}

// New makes a Client of a configuration that somebody else has read.
func New(config *rest.Config, namespace string) (*Client, error) {
	config = rest.CopyConfig(config)
	config.UserAgent = "wayside"
	h, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	return &Client{namespace, config, h, base}, nil
}

// Server is the API server's address, for those who read an error.
func (c *Client) Server() string { return c.base.Host }

// ask is one GET. The body is whole, or there is an error, an *Error where the API
// server answered.
func (c *Client) ask(ctx context.Context, r Ref, query url.Values) ([]byte, error) {
	u := c.base.JoinPath(r.path())
	u.RawQuery = query.Encode()
	code, body, err := c.fetch(ctx, u)
	if err == nil && code != http.StatusOK {
		err = refusal(r, code, body)
	}
	return body, err
}

// askPath is for what is no object.
func (c *Client) askPath(ctx context.Context, path string) ([]byte, error) {
	code, body, err := c.fetch(ctx, c.base.JoinPath(path))
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("API server %s: %s answers HTTP %d", c.Server(), path, code)
	}
	return body, err
}

func (c *Client) fetch(ctx context.Context, u *url.URL) (code int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Accept", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		return 0, nil, c.unreachable(err)
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer)); err != nil {
		return 0, nil, c.unreachable(err)
	}
	return res.StatusCode, body, nil
}

// unreachable is for when the API server gave no answer.
func (c *Client) unreachable(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // the address is said once
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer in %v", timeout)
	}
	return fmt.Errorf("API server %s: %w", c.Server(), err)
}
