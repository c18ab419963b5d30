package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/wayside-tracing/wayside/wire/sampling"
)

// web asks URLs. One may be where a collector or another agent answers questions
// for strategies, or it may be a strategies file, as Jaeger's collectors take
// them by URL as well: what comes decides. A file is not asked for again for
// each service.
type web struct {
	turn
	userAgent string
	transport *http.Transport

	mu     sync.Mutex
	file   *sampling.Strategies // nil: the last answer was a strategy
	fileAt time.Time
}

func newWeb(opt Options) *web {
	w := &web{turn: turn{all: opt.Sources}, userAgent: opt.UserAgent}
	w.transport = &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return opt.Dial(ctx, address, false, "")
		},
		DialTLSContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return opt.Dial(ctx, address, true, "")
		},
		// Questions are rare, and a name may have got other addresses since the
		// last one.
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return w
}

func (w *web) close() { w.transport.CloseIdleConnections() }

func (w *web) ask(ctx context.Context, service string) (*sampling.Strategy, error) {
	if f := w.recent(); f != nil {
		return f.For(service), nil
	}
	return w.each(ctx, func(ctx context.Context, source string) (*sampling.Strategy, error) {
		text, err := w.get(ctx, source, service)
		if err != nil {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				err = errors.New("no answer in time")
			}
			return nil, err
		}
		strategy, file, err := sampling.Parse(text)
		switch {
		case err != nil:
			return nil, noStrategy{err}
		case file != nil:
			w.keep(file)
			return file.For(service), nil
		}
		w.keep(nil)
		return strategy, nil
	})
}

// recent is a strategies file that is fresh, or nil.
func (w *web) recent() *sampling.Strategies {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(w.fileAt) >= freshFor {
		w.file = nil
	}
	return w.file
}

func (w *web) keep(f *sampling.Strategies) {
	w.mu.Lock()
	w.file, w.fileAt = f, time.Now()
	w.mu.Unlock()
}

// get fetches a URL with the service in its query. A redirect is not followed:
// the URL must be where it leads.
func (w *web) get(ctx context.Context, source, service string) ([]byte, error) {
	u, err := url.Parse(source)
	if err != nil {
		return nil, err
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += "service=" + url.QueryEscape(service)
	req := (&http.Request{
		Method: http.MethodGet, URL: u,
		Header: http.Header{"User-Agent": {w.userAgent}, "Accept": {"application/json"}},
	}).WithContext(ctx)
	resp, err := w.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxFile:
		return nil, errors.New("the answer is larger than 1 MiB")
	case resp.StatusCode == http.StatusOK:
		return body, nil
	case resp.StatusCode == http.StatusInternalServerError, resp.StatusCode == http.StatusBadRequest:
		return nil, noStrategy{fmt.Errorf("HTTP status %d: %s", resp.StatusCode, firstLine(body))} // it works, but not for this one
	}
	return nil, fmt.Errorf("HTTP status %d: %s", resp.StatusCode, firstLine(body))
}

// maxSaid bounds what is repeated of an answer, in bytes.
const maxSaid = 200

func firstLine(b []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte("\n"))
	return strings.ToValidUTF8(string(line[:min(len(line), maxSaid)]), "")
}
