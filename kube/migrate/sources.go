package migrate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// fromJaeger makes a spec of the Jaeger object whose sidecar an annotation's value
// asks for, as the operator chooses it (pkg/inject/sidecar.go, Select): by name,
// or the only one there is, or the only one in the namespace.
func (p *planner) fromJaeger(namespace, value string) carried {
	var named, here []*Jaeger
	for _, j := range p.inv.Jaegers {
		if j.Name == value {
			named = append(named, j)
		}
		if j.Namespace == namespace {
			here = append(here, j)
		}
	}
	var chosen *Jaeger
	switch {
	case value != "true":
		for _, j := range named {
			if chosen == nil || j.Namespace == namespace {
				chosen = j
			}
		}
	case len(p.inv.Jaegers) == 1:
		chosen = p.inv.Jaegers[0]
	case len(here) == 1:
		chosen = here[0]
	}
	if chosen == nil {
		c := carried{spec: v1alpha1.TraceAgentSpec{Strategy: v1alpha1.Sidecar}}
		c.spec.Deliver.Endpoint = unknownEndpoint
		c.lose("no Jaeger object was found that %s: %s chooses: write the collector's address in place of %s, and what its spec.agent.options say", jaegerInject, value, unknownEndpoint)
		return c
	}
	a := agentFlags{flags: map[string]string{}, env: map[string]string{
		"POD_NAME": fieldMark + "POD_NAME" + fieldMark, "HOST_IP": fieldMark + "HOST_IP" + fieldMark,
	}}
	flatten("", chosen.Spec.Agent.Options, a.flags)
	if a.flags["agent.tags"] == "" {
		a.flags["agent.tags"] = "container.name=,deployment.name=,host.ip=${HOST_IP:},pod.name=${POD_NAME:},pod.namespace=" + namespace
	}
	if a.flags["reporter.grpc.host-port"] == "" {
		a.flags["reporter.grpc.host-port"] = fmt.Sprintf("dns:///%s-collector-headless.%s.svc:14250", chosen.Name, chosen.Namespace)
	}
	return carry(a, source{}, v1alpha1.Sidecar)
}

// fromCollector makes a spec of the OpenTelemetryCollector whose sidecar an
// annotation's value asks for: by name, by namespace/name, or the only one of mode
// sidecar in the namespace.
func (p *planner) fromCollector(namespace, value string) carried {
	c := carried{spec: v1alpha1.TraceAgentSpec{Strategy: v1alpha1.Sidecar}}
	c.spec.Deliver.Endpoint = unknownEndpoint
	in, name := namespace, value
	if ns, n, ok := strings.Cut(value, "/"); ok {
		in, name = ns, n
	}
	var chosen *Collector
	for _, o := range p.inv.Collectors {
		if o.Spec.Mode == "sidecar" && o.Namespace == in && (o.Name == name || value == "true") {
			chosen = o
		}
	}
	if chosen == nil {
		c.lose("no OpenTelemetryCollector of mode sidecar was found that %s: %s chooses: write the collector's address in place of %s", otelInject, value, unknownEndpoint)
		return c
	}
	c.collector(chosen)
	return c
}

// collectorConfig is what is looked at of a Collector's configuration.
type collectorConfig struct {
	Processors map[string]any      `json:"processors"`
	Exporters  map[string]exporter `json:"exporters"`
	Service    struct {
		Pipelines map[string]struct {
			Receivers  []string `json:"receivers"`
			Processors []string `json:"processors"`
			Exporters  []string `json:"exporters"`
		} `json:"pipelines"`
	} `json:"service"`
}

type exporter struct {
	Endpoint    string            `json:"endpoint"`
	Compression string            `json:"compression"`
	Headers     map[string]string `json:"headers"`
	TLS         struct {
		Insecure   bool   `json:"insecure"`
		SkipVerify bool   `json:"insecure_skip_verify"`
		ServerName string `json:"server_name_override"`
		CA         string `json:"ca_file"`
		Cert       string `json:"cert_file"`
	} `json:"tls"`
}

// needless processors have nothing to do before an agent that batches and bounds
// by itself.
var needless = []string{"batch", "memory_limiter"}

// collector takes over what can be of a Collector that runs as a sidecar.
func (c *carried) collector(o *Collector) {
	var config collectorConfig
	if err := readCollector(o.Spec.Config, &config); err != nil {
		c.lose("the configuration of OpenTelemetryCollector %s/%s can't be read: %v", o.Namespace, o.Name, err)
		return
	}
	var exporters []string
	for _, name := range slices.Sorted(maps.Keys(config.Service.Pipelines)) {
		pipeline := config.Service.Pipelines[name]
		if kind(name) != "traces" {
			c.lose("pipeline %s: Wayside carries traces alone; send it past the sidecar", name)
			continue
		}
		for _, r := range pipeline.Receivers {
			switch kind(r) {
			case "otlp", "jaeger", "zipkin":
			default:
				c.lose("receiver %s: Wayside takes in OTLP, Jaeger and Zipkin", r)
			}
			if kind(r) == "zipkin" {
				c.accept().Zipkin = &v1alpha1.AcceptZipkin{HTTP: new(int32(9411))}
			}
		}
		for _, processor := range pipeline.Processors {
			if !slices.Contains(needless, kind(processor)) {
				c.lose("processor %s: Wayside changes no spans, but for tags; let the collector behind it do that", processor)
			}
		}
		exporters = append(exporters, pipeline.Exporters...)
	}
	chosen := false
	for _, name := range exporters {
		protocol := map[string]string{"otlp": "otlp-grpc", "otlp_grpc": "otlp-grpc", "otlphttp": "otlp-http", "otlp_http": "otlp-http"}[kind(name)]
		switch {
		case protocol == "":
			c.lose("exporter %s: Wayside delivers OTLP, or Jaeger's gRPC", name)
		case chosen:
			c.lose("exporter %s: Wayside delivers to one place, and that is the first", name)
		default:
			chosen = true
			c.exporter(name, protocol, config.Exporters[name])
		}
	}
	if !chosen {
		c.lose("there is no exporter that speaks OTLP: write the collector's address in place of %s", unknownEndpoint)
	}
}

func (c *carried) accept() *v1alpha1.Accept {
	if c.spec.Accept == nil {
		c.spec.Accept = new(v1alpha1.Accept)
	}
	return c.spec.Accept
}

func (c *carried) exporter(name, protocol string, e exporter) {
	d := &c.spec.Deliver
	d.Protocol, d.Endpoint = protocol, e.Endpoint
	if protocol == "otlp-grpc" {
		_, after, isURL := strings.Cut(e.Endpoint, "://")
		if isURL {
			d.Endpoint = strings.TrimSuffix(after, "/")
		}
		insecure := e.TLS.Insecure || strings.HasPrefix(e.Endpoint, "http://")
		if !insecure {
			c.tls().Enabled = true
		}
	}
	switch e.Compression {
	case "", "gzip":
	case "zstd", "none":
		d.Compression = e.Compression
	default:
		c.lose("exporter %s: compression %s is not one of Wayside's; it is gzip now", name, e.Compression)
	}
	if e.TLS.ServerName != "" {
		c.tls().ServerName = e.TLS.ServerName
	}
	if e.TLS.SkipVerify {
		c.tls().SkipVerify = true
	}
	if e.TLS.CA != "" {
		c.lose("exporter %s: ca_file %s: make a ConfigMap with the key ca.crt of it, and name it in spec.deliver.tls.caFrom", name, e.TLS.CA)
	}
	if e.TLS.Cert != "" {
		c.lose("exporter %s: cert_file %s: make a Secret with the keys tls.crt and tls.key, and name it in spec.deliver.tls.certificateFrom", name, e.TLS.Cert)
	}
	if len(e.Headers) > 0 {
		c.lose("exporter %s: headers %s: make a Secret with a key for each, and name it in spec.deliver.headersFrom", name, strings.Join(slices.Sorted(maps.Keys(e.Headers)), ", "))
	}
	if strings.Contains(d.Endpoint, "${") {
		c.lose("exporter %s: endpoint %s has a variable: write its value", name, e.Endpoint)
		d.Endpoint = unknownEndpoint
	}
}

// kind is a component's: "otlp" of "otlp/shop".
func kind(component string) string {
	k, _, _ := strings.Cut(component, "/")
	return k
}

// readCollector reads an object, or text that holds one in YAML.
func readCollector(raw json.RawMessage, to *collectorConfig) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return yaml.Unmarshal([]byte(text), to)
	}
	return json.Unmarshal(raw, to)
}
