package migrate

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/agent/config/jaegerflags"
	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// carried is a TraceAgent's spec, and what it can't have.
type carried struct {
	spec v1alpha1.TraceAgentSpec
	lost []string // sentences: what, why, and what to do
	left []string // what has no counterpart, and nobody will miss: what, and why
}

func (c *carried) lose(format string, args ...any) {
	c.lost = append(c.lost, fmt.Sprintf(format, args...))
}

// unknownEndpoint is what is written where the collector is not known. It is no
// name of a host, so that nothing is sent anywhere.
const unknownEndpoint = "COLLECTOR:4317"

// source is where flags were, to read files that they name.
type source struct {
	container *corev1.Container // nil for options of a Jaeger object
	pod       *corev1.PodSpec
}

// carry makes a spec of what a Jaeger Agent was told.
func carry(a agentFlags, from source, strategy v1alpha1.Strategy) carried {
	c := carried{spec: v1alpha1.TraceAgentSpec{Strategy: strategy}}
	t, err := jaegerflags.Translate(a.flags, a.host())
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			c.lose("%s", readable(line))
		}
		c.lose("because of that no flag was carried over: correct it, and run this again")
		c.spec.Deliver.Endpoint = unknownEndpoint
		return c
	}
	for _, w := range t.Warnings {
		c.left = append(c.left, w.String())
	}
	set := map[string]config.Setting{}
	for _, s := range slices.Concat(t.Defaults, t.Sending, t.Set) {
		set[s.Key] = s // the last one counts
	}
	for _, key := range slices.Sorted(maps.Keys(set)) {
		c.take(set[key], from)
	}
	if c.spec.Deliver.Endpoint == "" {
		c.spec.Deliver.Endpoint = unknownEndpoint
		c.lose("the collector is not known (--reporter.grpc.host-port): write its address in place of %s, and its protocol", unknownEndpoint)
	}
	return c
}

// given says whether a setting was given, and is not one of the Jaeger Agent's
// defaults.
func given(s config.Setting) bool { return s.From != "default of the Jaeger Agent" }

// take puts one of the agent's keys where a TraceAgent has it.
func (c *carried) take(s config.Setting, from source) {
	d := &c.spec.Deliver
	switch s.Key {
	case "deliver.endpoint":
		d.Endpoint = c.podValue(s)
	case "deliver.protocol":
		d.Protocol = s.Value
	case "deliver.compression":
		d.Compression = s.Value
	case "deliver.tls.enabled":
		c.tls().Enabled = s.Value == "true"
	case "deliver.tls.server_name":
		c.tls().ServerName = c.podValue(s)
	case "deliver.tls.skip_verify":
		c.tls().SkipVerify = s.Value == "true"
	case "deliver.tls.ca":
		c.authority(s, from)
	case "deliver.tls.cert", "deliver.tls.key":
		c.certificate(s, from)
	case "sampling.source":
		if source := c.podValue(s); source != "" {
			c.spec.Sampling = &v1alpha1.Sampling{Source: source}
		}
	case "sampling.tls.enabled":
		if s.Value == "true" {
			c.spec.Sampling = nil
			c.lose("sampling strategies come from the collector by TLS, which a TraceAgent's spec.sampling has no keys for: left out")
		}
	case "tags":
		c.tags(s)
	case "log.level":
		if s.Value != "info" {
			c.spec.LogLevel = s.Value
		}
	case "accept.jaeger.compact":
		c.port(s, 6831, func(p *int32) { c.jaeger().Compact = p })
	case "accept.jaeger.binary":
		c.port(s, 6832, func(p *int32) { c.jaeger().Binary = p })
	case "accept.jaeger.zipkin_compact":
		if given(s) {
			c.port(s, 0, func(p *int32) { c.jaeger().ZipkinCompact = p })
		}
	case "control.http":
		c.port(s, 5778, func(p *int32) { c.spec.Control = &v1alpha1.Control{HTTP: p} })
	case "admin.http":
		c.port(s, 14271, func(p *int32) { c.spec.Admin = &v1alpha1.Admin{HTTP: p} })
	case "accept.jaeger.socket_buffer":
		c.left = append(c.left, s.From+": the operator chooses the size of sockets' buffers")
	case "log.format", "accept.otlp.grpc", "accept.otlp.http",
		"sampling.tls.ca", "sampling.tls.cert", "sampling.tls.key", "sampling.tls.server_name", "sampling.tls.skip_verify":
		// The format is the operator's, OTLP is welcome, and the rest was said.
	default:
		c.lose("%s: a TraceAgent has nothing for it", s.From)
	}
}

func (c *carried) tls() *v1alpha1.TLS {
	if c.spec.Deliver.TLS == nil {
		c.spec.Deliver.TLS = new(v1alpha1.TLS)
	}
	return c.spec.Deliver.TLS
}

func (c *carried) jaeger() *v1alpha1.AcceptJaeger {
	if c.spec.Accept == nil {
		c.spec.Accept = new(v1alpha1.Accept)
	}
	if c.spec.Accept.Jaeger == nil {
		c.spec.Accept.Jaeger = new(v1alpha1.AcceptJaeger)
	}
	return c.spec.Accept.Jaeger
}

// port takes over the port of an address to listen on, if it is another than
// usual.
func (c *carried) port(s config.Setting, usual int32, set func(*int32)) {
	_, text, err := net.SplitHostPort(s.Value)
	n, bad := strconv.ParseInt(text, 10, 32)
	switch {
	case s.Value == "":
		set(new(int32)) // off
	case err != nil || bad != nil:
		c.lose("%s=%s: no port can be seen in it", s.From, s.Value)
	case int32(n) != usual:
		set(new(int32(n)))
	}
}

// podValue is a value in which marks become what TraceAgents have for them.
func (c *carried) podValue(s config.Setting) string {
	if name, hidden := between(s.Value, hiddenMark); hidden {
		c.lose("%s: it has the value of variable %s, which comes from elsewhere and was not looked at", s.From, name)
		return ""
	}
	return podReferences(s.Value)
}

// podReferences writes marks of fields as TraceAgents do.
func podReferences(s string) string {
	for {
		name, ok := between(s, fieldMark)
		if !ok {
			return s
		}
		s = strings.Replace(s, fieldMark+name+fieldMark, "${"+name+"}", 1)
	}
}

func between(s, mark string) (string, bool) {
	_, rest, ok := strings.Cut(s, mark)
	name, _, end := strings.Cut(rest, mark)
	return name, ok && end
}

// readable is a message without marks.
func readable(s string) string {
	return strings.NewReplacer(fieldMark, "", hiddenMark, "", `\x01`, "", `\x02`, "").Replace(s)
}

// operatorTags are those that the Jaeger operator gave each of its sidecars and
// that differ from workload to workload (pkg/inject/sidecar.go), with what says the
// same of a span now.
var operatorTags = map[string]string{
	"container.name":  "k8s.container.name",
	"deployment.name": "k8s.pod.name begins with it",
}

// tags takes them over. A pod's own are written as the variables that agents have.
func (c *carried) tags(s config.Setting) {
	var all map[string]string
	if err := yaml.Unmarshal([]byte(s.Value), &all); err != nil {
		c.lose("%s: %v", s.From, err)
		return
	}
	var replaced []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		v := all[name]
		hidden, isHidden := between(v, hiddenMark)
		switch {
		case isHidden:
			c.lose("tag %s has the value of variable %s, which comes from elsewhere and was not looked at", name, hidden)
		case operatorTags[name] != "" && c.spec.Strategy == v1alpha1.Sidecar:
			replaced = append(replaced, name+" ("+operatorTags[name]+")")
		case name == "cluster" && v == "undefined":
		default:
			if c.spec.Tags == nil {
				c.spec.Tags = map[string]string{}
			}
			c.spec.Tags[name] = podReferences(v)
		}
	}
	if len(replaced) > 0 {
		c.lose("tags that differ from one workload to the next: %s", strings.Join(replaced, ", "))
	}
}

// authority is a Secret or ConfigMap with the key ca.crt, if that is what the file
// was.
func (c *carried) authority(s config.Setting, from source) {
	name := s.Value
	if from.container == nil {
		c.lose("%s=%s: make a ConfigMap with the key ca.crt of it, and name it in spec.deliver.tls.caFrom", s.From, name)
		return
	}
	v, key := volumeOf(from.container, from.pod, name)
	switch {
	case v != nil && v.Secret != nil && key == "ca.crt":
		c.tls().CAFrom = &v1alpha1.CASource{SecretRef: &v1alpha1.SecretReference{Name: v.Secret.SecretName}}
	case v != nil && v.ConfigMap != nil && key == "ca.crt":
		c.tls().CAFrom = &v1alpha1.CASource{ConfigMapRef: &v1alpha1.ConfigMapReference{Name: v.ConfigMap.Name}}
	default:
		c.lose("%s=%s is %s: make a ConfigMap with the key ca.crt of it, and name it in spec.deliver.tls.caFrom", s.From, name, whereIs(v, key))
	}
}

// certificate is a Secret with the keys tls.crt and tls.key, if that is what the
// files were.
func (c *carried) certificate(s config.Setting, from source) {
	want := "tls.crt"
	if s.Key == "deliver.tls.key" {
		want = "tls.key"
	}
	if from.container != nil {
		if v, key := volumeOf(from.container, from.pod, s.Value); v != nil && v.Secret != nil && key == want {
			have := c.tls().CertificateFrom
			if have == nil || have.SecretRef.Name == v.Secret.SecretName {
				c.tls().CertificateFrom = &v1alpha1.CertificateSource{SecretRef: v1alpha1.SecretReference{Name: v.Secret.SecretName}}
				return
			}
		}
	}
	c.lose("%s=%s: make a Secret with the keys tls.crt and tls.key, and name it in spec.deliver.tls.certificateFrom", s.From, s.Value)
}

func whereIs(v *corev1.Volume, key string) string {
	switch {
	case v == nil:
		return "in no volume"
	case v.Secret != nil:
		return fmt.Sprintf("the key %s of Secret %s", key, v.Secret.SecretName)
	case v.ConfigMap != nil:
		return fmt.Sprintf("the key %s of ConfigMap %s", key, v.ConfigMap.Name)
	}
	return "in volume " + cmp.Or(v.Name, "?")
}
