package agent

import (
	"fmt"
	"log/slog"

	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/agent/control"
	"github.com/wayside-tracing/wayside/agent/deliver"
	"github.com/wayside-tracing/wayside/internal/version"
)

// samplingOptions reads the files that sampling.tls names.
func samplingOptions(cfg *config.Config, log *slog.Logger) (control.Options, error) {
	t := &cfg.Sampling.TLS
	credentials, err := deliver.LoadCredentials(deliver.CredentialOptions{
		CA: t.CA, Cert: t.Cert, Key: t.Key, ServerName: t.ServerName, SkipVerify: t.SkipVerify,
	}, log)
	if err != nil {
		return control.Options{}, fmt.Errorf("sampling.tls: %w", err)
	}
	name := "wayside-agent/" + version.Read().Version
	return control.Options{
		Sources:   cfg.Sampling.Sources,
		TLS:       t.Enabled,
		Dial:      deliver.Connector{Credentials: credentials, Proxy: deliver.EnvironmentProxy, UserAgent: name}.Connect,
		UserAgent: name,
	}, nil
}
