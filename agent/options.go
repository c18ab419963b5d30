package agent

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/wayside-tracing/wayside/agent/accept"
	"github.com/wayside-tracing/wayside/agent/buffer"
	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/agent/deliver"
	"github.com/wayside-tracing/wayside/internal/version"
)

// What of the configuration each part is given.

func acceptOptions(cfg *config.Config) accept.Options {
	return accept.Options{Origins: cfg.Accept.OTLP.CORS, TLS: accept.TLSOptions(cfg.Accept.TLS)}
}

func laneOptions(cfg *config.Config) buffer.Options {
	return buffer.Options{
		Memory:     cfg.Buffer.Memory,
		MaxAge:     cfg.Buffer.MaxAge,
		BatchBytes: cfg.Deliver.Batch.Bytes,
		BatchAge:   cfg.Deliver.Batch.Age,
	}
}

// openDisk puts the lane on disk, if it is to be there. With patience, a disk that
// can't be used is one that fails.
func openDisk(lane *buffer.Lane, cfg *config.Config, patient bool, log *slog.Logger) error {
	d := cfg.Buffer.Disk
	if d.Path == "" {
		return nil
	}
	opt := buffer.DiskOptions{Path: d.Path, Size: int64(d.Size), Patient: patient, Log: log}
	if d.Sync == "always" {
		opt.Sync = buffer.SyncAlways
	}
	if err := lane.OpenDisk(opt); err != nil {
		return fmt.Errorf("buffer.disk.path: %s: %w; give it to the user that the agent runs as, mode 0700, or name another directory", d.Path, err)
	}
	return nil
}

func (a *Agent) deliverOptions(cfg *config.Config) deliver.Options {
	return deliver.Options{
		Endpoints: cfg.Deliver.Endpoints,
		Timeout:   cfg.Deliver.Timeout,
		MaxAge:    cfg.Buffer.MaxAge,
		Transport: a.transport,
		Proxy:     deliver.EnvironmentProxy,
	}
}

// transportChoice is what a transport is made from.
type transportChoice struct {
	protocol, compression string
	tls                   bool
	credentials           deliver.CredentialOptions
}

func transportOptions(cfg *config.Config) transportChoice {
	d := &cfg.Deliver
	c := transportChoice{
		protocol: d.Protocol, compression: d.Compression, tls: d.TLS.Enabled,
		credentials: deliver.CredentialOptions{
			CA: d.TLS.CA, Cert: d.TLS.Cert, Key: d.TLS.Key, ServerName: d.TLS.ServerName, SkipVerify: d.TLS.SkipVerify,
			HeadersFrom: d.HeadersFrom,
		},
	}
	for _, h := range d.Headers {
		header := deliver.Header{Name: h.Name}
		for _, p := range h.Parts {
			header.Value = append(header.Value, deliver.Part(p))
		}
		c.credentials.Headers = append(c.credentials.Headers, header)
	}
	return c
}

// newTransport reads the files that deliver.tls and deliver.headers name.
func newTransport(cfg *config.Config, log *slog.Logger) (deliver.Transport, error) {
	c := transportOptions(cfg)
	credentials, err := deliver.LoadCredentials(c.credentials, log)
	if err != nil {
		return nil, fmt.Errorf("deliver: %w", err)
	}
	opt := deliver.TransportOptions{
		Compression: deliver.Compression(strings.TrimPrefix(c.compression, "none")),
		UserAgent:   "wayside-agent/" + version.Read().Version,
		TLS:         c.tls,
		Proxy:       deliver.EnvironmentProxy,
		Credentials: credentials,
	}
	switch c.protocol {
	case "otlp-http":
		return deliver.NewHTTP(opt), nil
	case "jaeger-grpc":
		return deliver.NewJaeger(opt), nil
	}
	return deliver.NewGRPC(opt), nil
}
