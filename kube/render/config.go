package render

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// file is agent.yaml, in the order of docs/configuration.md. What is not set is
// left to the agent's defaults, but for the listeners: of these each is written,
// so that the file says what is open.
type file struct {
	Accept struct {
		Jaeger struct {
			Compact       string `yaml:"compact"`
			Binary        string `yaml:"binary"`
			ZipkinCompact string `yaml:"zipkin_compact"`
			GRPC          string `yaml:"grpc"`
			HTTP          string `yaml:"http"`
			SocketBuffer  string `yaml:"socket_buffer"`
		} `yaml:"jaeger"`
		OTLP struct {
			GRPC string `yaml:"grpc"`
			HTTP string `yaml:"http"`
		} `yaml:"otlp"`
		Zipkin struct {
			HTTP string `yaml:"http"`
		} `yaml:"zipkin"`
	} `yaml:"accept"`
	Buffer  fileBuffer  `yaml:"buffer,omitempty"`
	Deliver fileDeliver `yaml:"deliver"`
	Tags    yaml.Node   `yaml:"tags"`

	Sampling struct {
		Source string `yaml:"source,omitempty"`
	} `yaml:"sampling,omitempty"`
	Control struct {
		HTTP string `yaml:"http"`
	} `yaml:"control"`
	Admin struct {
		HTTP string `yaml:"http"`
	} `yaml:"admin"`
	Log struct {
		Level string `yaml:"level,omitempty"`
	} `yaml:"log,omitempty"`
	DrainTimeout string `yaml:"drain_timeout,omitempty"`
	StopDelay    string `yaml:"stop_delay,omitempty"`
}

type fileBuffer struct {
	Memory string   `yaml:"memory,omitempty"`
	Disk   fileDisk `yaml:"disk,omitempty"`
	MaxAge string   `yaml:"max_age,omitempty"`
}

type fileDisk struct {
	Path string `yaml:"path,omitempty"`
	Size string `yaml:"size,omitempty"`
	Sync string `yaml:"sync,omitempty"`
}

type fileDeliver struct {
	Endpoint       string    `yaml:"endpoint"`
	Protocol       string    `yaml:"protocol,omitempty"`
	HeadersFrom    string    `yaml:"headers_from,omitempty"`
	AllowPlaintext bool      `yaml:"allow_plaintext,omitempty"`
	Batch          fileBatch `yaml:"batch,omitempty"`
	Compression    string    `yaml:"compression,omitempty"`
	TLS            fileTLS   `yaml:"tls,omitempty"`
	Timeout        string    `yaml:"timeout,omitempty"`
}

type fileBatch struct {
	Bytes string `yaml:"bytes,omitempty"`
	Age   string `yaml:"age,omitempty"`
}

type fileTLS struct {
	Enabled    bool   `yaml:"enabled,omitempty"`
	CA         string `yaml:"ca,omitempty"`
	Cert       string `yaml:"cert,omitempty"`
	Key        string `yaml:"key,omitempty"`
	ServerName string `yaml:"server_name,omitempty"`
	SkipVerify bool   `yaml:"skip_verify,omitempty"`
}

// Socket buffers of UDP. The kernel doubles what is asked for and cgroup v2
// charges it, so that of a sidecar's 20Mi no more than this is left for it.
const (
	sidecarSocketBuffer   = "1MiB"
	daemonSetSocketBuffer = "4MiB"
)

// Config is the agent's configuration. Errors name fields of the TraceAgent.
func Config(ta *v1alpha1.TraceAgent) ([]byte, field.ErrorList) {
	if s := ta.Spec.Strategy; s != v1alpha1.Sidecar && s != v1alpha1.DaemonSet {
		return nil, field.ErrorList{field.NotSupported(field.NewPath("spec", "strategy"), s, []v1alpha1.Strategy{v1alpha1.DaemonSet, v1alpha1.Sidecar})}
	}
	f := fileOf(ta)
	text, err := yaml.Marshal(f)
	if err != nil {
		return nil, field.ErrorList{field.InternalError(field.NewPath("spec"), err)}
	}
	text = append(fmt.Appendf(nil, "# Made from TraceAgent %s/%s. What is changed here is changed back.\n", ta.Namespace, ta.Name), text...)
	errs := ownService(ta)
	if _, err := config.Parse(ConfigFile, text, example); err != nil {
		errs = append(errs, fieldErrors(err)...)
	}
	if s := ta.Spec.Sampling; s != nil && strings.HasPrefix(s.Source, "/") {
		errs = append(errs, field.Invalid(field.NewPath("spec", "sampling", "source"), s.Source, "agents have no file there; write a URL, or a collector's host:14250"))
	}
	errs = append(errs, checkResources(ta.Spec.Resources)...)
	if len(errs) > 0 {
		return nil, errs
	}
	return text, nil
}

// checkResources refuses what would make pods be refused.
func checkResources(r *corev1.ResourceRequirements) (list field.ErrorList) {
	if r == nil {
		return nil
	}
	at := field.NewPath("spec", "resources")
	if len(r.Claims) > 0 {
		list = append(list, field.Forbidden(at.Child("claims"), "the agent has no use for devices"))
	}
	known := []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage}
	for _, what := range []string{"limits", "requests"} {
		of := map[string]corev1.ResourceList{"requests": r.Requests, "limits": r.Limits}[what]
		for _, name := range slices.Sorted(maps.Keys(of)) {
			amount := of[name]
			switch limit, limited := r.Limits[name]; {
			case !slices.Contains(known, name):
				list = append(list, field.NotSupported(at.Child(what), name, known))
			case amount.Sign() <= 0:
				list = append(list, field.Invalid(at.Child(what).Key(string(name)), amount.String(), "is nothing; write more, or remove it"))
			case limited && amount.Cmp(limit) > 0:
				list = append(list, field.Invalid(at.Child(what).Key(string(name)), amount.String(), "is more than its limit, "+limit.String()))
			}
		}
	}
	return list
}

func fileOf(ta *v1alpha1.TraceAgent) *file {
	s := &ta.Spec
	n := numbersOf(ta)
	f := new(file)
	udp, tcp := listensOn(s.Strategy)
	f.Accept.Jaeger.Compact = udp(n.compact)
	f.Accept.Jaeger.Binary = udp(n.binary)
	f.Accept.Jaeger.ZipkinCompact = udp(n.zipkinCompact)
	f.Accept.Jaeger.GRPC = tcp(n.jaegerGRPC)
	f.Accept.Jaeger.HTTP = tcp(n.jaegerHTTP)
	f.Accept.Jaeger.SocketBuffer = daemonSetSocketBuffer
	if s.Strategy == v1alpha1.Sidecar {
		f.Accept.Jaeger.SocketBuffer = sidecarSocketBuffer
	}
	f.Accept.OTLP.GRPC = tcp(n.otlpGRPC)
	f.Accept.OTLP.HTTP = tcp(n.otlpHTTP)
	f.Accept.Zipkin.HTTP = tcp(n.zipkinHTTP)
	f.Control.HTTP = tcp(n.control)
	f.Admin.HTTP = everywhere(n.admin)
	if s.Admin != nil && s.Admin.Loopback {
		f.Admin.HTTP = tcp(n.admin)
	}
	if b := s.Buffer; b != nil {
		f.Buffer.Memory, f.Buffer.MaxAge = b.Memory, b.MaxAge
	}
	if d := disk(ta); d != nil {
		f.Buffer.Disk = fileDisk{BufferDir, d.Size, d.Sync}
	}
	f.Deliver = deliver(&s.Deliver)
	f.Tags = tags(ta)
	if s.Sampling != nil {
		f.Sampling.Source = s.Sampling.Source
	}
	f.Log.Level = s.LogLevel
	f.DrainTimeout = s.DrainTimeout
	if d := stopDelay(ta); d > 0 {
		f.StopDelay = d.String()
	}
	return f
}

// listensOn are the addresses of ports; of port 0 there are none. Sidecars listen
// on both loopbacks, since apps that know their agent as localhost may try either;
// for UDP on IPv4's alone, which is what Jaeger's clients take localhost for, and
// each socket has a buffer that is charged.
func listensOn(s v1alpha1.Strategy) (udp, tcp func(int32) string) {
	if s == v1alpha1.DaemonSet {
		return everywhere, everywhere
	}
	return func(p int32) string { return at("127.0.0.1", p) }, func(p int32) string { return at("localhost", p) }
}

func everywhere(port int32) string { return at("", port) }

func at(host string, port int32) string {
	if port == 0 {
		return ""
	}
	return host + ":" + strconv.Itoa(int(port))
}

// disk is the buffer in files; nil is none. What a sidecar has in memory is lost
// with its container, what it has in files with its pod, which mostly ends at the
// same time. An agent that serves a node keeps spans over its own crash.
func disk(ta *v1alpha1.TraceAgent) *v1alpha1.Disk {
	switch b := ta.Spec.Buffer; {
	case b != nil && b.Disk != nil:
		return b.Disk
	case ta.Spec.Strategy == v1alpha1.DaemonSet:
		return &v1alpha1.Disk{}
	}
	return nil
}

func deliver(d *v1alpha1.Deliver) fileDeliver {
	f := fileDeliver{
		Endpoint:       d.Endpoint,
		Protocol:       d.Protocol,
		AllowPlaintext: d.AllowPlaintext,
		Compression:    d.Compression,
		Timeout:        d.Timeout,
	}
	if d.HeadersFrom != nil {
		f.HeadersFrom = HeadersDir
	}
	if d.Batch != nil {
		f.Batch = fileBatch{d.Batch.Bytes, d.Batch.Age}
	}
	if t := d.TLS; t != nil {
		f.TLS = fileTLS{Enabled: t.Enabled, ServerName: t.ServerName, SkipVerify: t.SkipVerify}
		if t.CAFrom != nil {
			f.TLS.CA = TLSDir + "/ca.crt"
		}
		if t.CertificateFrom != nil {
			f.TLS.Cert, f.TLS.Key = TLSDir+"/tls.crt", TLSDir+"/tls.key"
		}
	}
	return f
}

// tags are the TraceAgent's and, where it has not set them, what is known of who
// sends: all that comes to a sidecar is its pod's; what comes to a node's agent is
// of a pod on this node, or of none.
func tags(ta *v1alpha1.TraceAgent) yaml.Node {
	all := map[string]string{"k8s.node.name": "${NODE_NAME}"}
	if ta.Spec.Strategy == v1alpha1.Sidecar {
		all["k8s.pod.name"] = "${POD_NAME}"
		all["k8s.pod.uid"] = "${POD_UID}"
		all["k8s.namespace.name"] = "${POD_NAMESPACE}"
	}
	maps.Copy(all, ta.Spec.Tags)
	n := yaml.Node{Kind: yaml.MappingNode}
	for _, k := range slices.Sorted(maps.Keys(all)) {
		var key, value yaml.Node
		key.SetString(k)
		value.SetString(all[k])
		value.Style |= yaml.DoubleQuotedStyle // true and 1 are strings here
		n.Content = append(n.Content, &key, &value)
	}
	return n
}

// variables are those of the agent's container: by name, the field of the pod, and
// a value such as it may have.
var variables = []struct{ name, path, example string }{
	{"POD_NAME", "metadata.name", "shop-0"},
	{"POD_NAMESPACE", "metadata.namespace", "shop"},
	{"POD_UID", "metadata.uid", "5f0a7c9e-0000-4000-8000-000000000000"},
	{"POD_IP", "status.podIP", "192.0.2.1"},
	{"NODE_NAME", "spec.nodeName", "node-1"},
	{"HOST_IP", "status.hostIP", "192.0.2.2"},
}

func example(name string) (string, bool) {
	for _, v := range variables {
		if v.name == name {
			return v.example, true
		}
	}
	return "", false
}

// fields are the TraceAgent's for keys of the agent that are not spelt alike.
var fields = map[string]string{
	"buffer.disk.path": "buffer.disk",
	"deliver.headers":  "deliver.headersFrom",
	"deliver.tls.ca":   "deliver.tls.caFrom",
	"deliver.tls.cert": "deliver.tls.certificateFrom",
	"deliver.tls.key":  "deliver.tls.certificateFrom",
	"log.level":        "logLevel",
}

// fieldErrors tells what the agent would say in terms of the TraceAgent.
func fieldErrors(err error) (list field.ErrorList) {
	all, ok := errors.AsType[config.Errors](err)
	if !ok {
		return field.ErrorList{field.InternalError(field.NewPath("spec"), err)}
	}
	for _, e := range all {
		path := field.NewPath("spec")
		if tag, ok := strings.CutPrefix(e.Key, "tags."); ok {
			path = path.Child("tags").Key(tag)
		} else if name := fieldName(e.Key); name != "" {
			path = path.Child(name)
		}
		value := any(field.OmitValueType{})
		if e.Value != nil {
			value = *e.Value
		}
		list = append(list, field.Invalid(path, value, e.Problem))
	}
	return list
}

// fieldName spells a key as Kubernetes does.
func fieldName(key string) string {
	if f, ok := fields[key]; ok {
		return f
	}
	var b strings.Builder
	for i, word := range strings.Split(key, "_") {
		if i > 0 && word != "" {
			word = strings.ToUpper(word[:1]) + word[1:]
		}
		b.WriteString(word)
	}
	return b.String()
}

// ownService refuses endpoints that lead to the agents themselves: spans would go
// round in circles. Other ways to the same end are seen by the agent.
func ownService(ta *v1alpha1.TraceAgent) (list field.ErrorList) {
	if ta.Spec.Strategy != v1alpha1.DaemonSet {
		return nil
	}
	service := Name(ta) + "." + ta.Namespace
	for e := range strings.SplitSeq(ta.Spec.Deliver.Endpoint, ",") {
		e = strings.TrimSpace(e)
		hostPort := e
		if u, err := url.Parse(e); err == nil && u.Host != "" {
			hostPort = u.Host
		}
		host, port, err := net.SplitHostPort(hostPort)
		if err != nil {
			continue
		}
		host = strings.ToLower(strings.TrimSuffix(host, "."))
		if host != Name(ta) && host != service && !strings.HasPrefix(host, service+".svc") {
			continue
		}
		for _, p := range Ports(ta) {
			if strconv.Itoa(int(p.Number)) == port {
				list = append(list, field.Invalid(field.NewPath("spec", "deliver", "endpoint"), e, "is the Service of these agents; write the collector's address"))
			}
		}
	}
	return list
}
