package render

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// parse reads a spec as it is in YAML.
func parse(t testing.TB, spec string) *v1alpha1.TraceAgent {
	t.Helper()
	ta := new(v1alpha1.TraceAgent)
	ta.Name, ta.Namespace = "node", "tracing"
	if err := yaml.UnmarshalStrict([]byte(spec), &ta.Spec); err != nil {
		t.Fatalf("%s: %v", spec, err)
	}
	return ta
}

// What agents would refuse is told in the TraceAgent's words.
func TestErrors(t *testing.T) {
	const good = "endpoint: 'c:4317'"
	for _, c := range []struct{ spec, want string }{
		{"{strategy: Pod, deliver: {" + good + "}}", `spec.strategy: Unsupported value: "Pod": supported values: "DaemonSet", "Sidecar"`},
		{"{strategy: Sidecar, deliver: {}}", "spec.deliver.endpoint: Invalid value: no collector is given; start with --endpoint collector:4317, or set deliver.endpoint in the file"},
		{"{strategy: Sidecar, deliver: {endpoint: c}}", `spec.deliver.endpoint: Invalid value: "c": has no port; write host:port, like collector:4317`},
		{"{strategy: Sidecar, deliver: {endpoint: 'localhost:4317'}}", "spec.deliver.endpoint: Invalid value: \"localhost:4317\": is this agent's own accept.otlp.grpc; write the collector's address, or if a collector is there, move accept.otlp.grpc"},
		{"{strategy: Sidecar, deliver: {endpoint: '${HOSTNAME}:4317'}}", `spec.deliver.endpoint: Invalid value: "${HOSTNAME}:4317": environment variable HOSTNAME is not set; set it, or give a default: ${HOSTNAME:default}`},
		{"{strategy: Sidecar, deliver: {endpoint: '${HOST_IP}:4317'}}", ""},
		{"{strategy: DaemonSet, deliver: {endpoint: '${HOST_IP}:4317'}}", ""},
		{"{strategy: DaemonSet, deliver: {endpoint: 'wayside-node.tracing.svc.cluster.local.:4317'}}", `spec.deliver.endpoint: Invalid value: "wayside-node.tracing.svc.cluster.local.:4317": is the Service of these agents; write the collector's address`},
		{"{strategy: DaemonSet, deliver: {endpoint: 'c:1, wayside-node.tracing:4318'}}", `spec.deliver.endpoint: Invalid value: "wayside-node.tracing:4318": is the Service of these agents; write the collector's address`},
		{"{strategy: DaemonSet, deliver: {endpoint: 'http://wayside-node:4318', protocol: otlp-http}}", `spec.deliver.endpoint: Invalid value: "http://wayside-node:4318": is the Service of these agents; write the collector's address`},
		{"{strategy: DaemonSet, deliver: {endpoint: 'wayside-node.tracing:9999'}}", ""},
		{"{strategy: Sidecar, deliver: {endpoint: 'wayside-node.tracing:4317'}}", ""}, // two tiers
		{"{strategy: Sidecar, deliver: {" + good + ", headersFrom: {secretRef: {name: a}}}}", "spec.deliver.headersFrom: Invalid value: would be sent without TLS, for everybody on the way to read; set deliver.tls.enabled: true, or set deliver.allow_plaintext: true"},
		{"{strategy: Sidecar, deliver: {" + good + ", tls: {caFrom: {secretRef: {name: a}}}}}", `spec.deliver.tls.caFrom: Invalid value: "/etc/wayside/tls/ca.crt": has no effect without TLS; set deliver.tls.enabled: true, or remove it`},
		{"{strategy: Sidecar, deliver: {" + good + ", tls: {enabled: true, certificateFrom: {secretRef: {name: a}}}}}", ""},
		{"{strategy: Sidecar, deliver: {" + good + "}, accept: {jaeger: {compact: 6832}}}", `spec.accept.jaeger.binary: Invalid value: "127.0.0.1:6832": is taken by accept.jaeger.compact (127.0.0.1:6832); give one of them another port`},
		{"{strategy: Sidecar, deliver: {" + good + "}, admin: {http: 5778}, control: {http: 0}}", ""},
		{"{strategy: Sidecar, deliver: {" + good + "}, accept: {jaeger: {compact: 0, binary: 0}, otlp: {grpc: 0, http: 0}}}", `spec.accept: Invalid value: nothing is taken in, every listener is off; leave accept.otlp.grpc at its default, 127.0.0.1:4317`},
		{"{strategy: Sidecar, deliver: {" + good + "}, tags: {'a b': c}}", `spec.tags[a b]: Invalid value: "c": is not the name of an attribute; write a word, like deployment.environment.name`},
		{"{strategy: Sidecar, deliver: {" + good + "}, tags: {a: '${file:/etc/wayside/headers/token}'}}", `spec.tags[a]: Invalid value: "${file:/etc/wayside/headers/token}": file /etc/wayside/headers/token: is on another machine; check the path and its permissions`},
		{"{strategy: Sidecar, deliver: {" + good + "}, sampling: {source: /etc/strategies.json}}", `spec.sampling.source: Invalid value: "/etc/strategies.json": agents have no file there; write a URL, or a collector's host:14250`},
		{"{strategy: Sidecar, deliver: {" + good + "}, drainTimeout: 1h}", `spec.drainTimeout: Invalid value: "1h": is too long; write at most 10m`},
		{"{strategy: Sidecar, deliver: {" + good + "}, logLevel: loud}", `spec.logLevel: Invalid value: "loud": is not a choice; write debug or info or warn or error`},
		{"{strategy: DaemonSet, deliver: {" + good + "}, buffer: {memory: 512MiB}}", `spec.buffer.disk.size: Invalid value: "512MiB": is less than twice buffer.memory; write at least 1GiB, or a smaller buffer.memory`},
		{"{strategy: Sidecar, deliver: {" + good + "}, resources: {requests: {cpu: 2}, limits: {cpu: 1}}}", `spec.resources.requests[cpu]: Invalid value: "2": is more than its limit, 1`},
		{"{strategy: Sidecar, deliver: {" + good + "}, resources: {limits: {nvidia.com/gpu: 1}}}", `spec.resources.limits: Unsupported value: "nvidia.com/gpu": supported values: "cpu", "memory", "ephemeral-storage"`},
		{"{strategy: Sidecar, deliver: {" + good + "}, resources: {claims: [{name: a}], limits: {memory: 0}}}", `spec.resources.claims: Forbidden: the agent has no use for devices, spec.resources.limits[memory]: Invalid value: "0": is nothing; write more, or remove it`},
	} {
		_, errs := Config(parse(t, c.spec))
		var list []string
		for _, e := range errs {
			list = append(list, e.Error())
		}
		if got := strings.Join(list, ", "); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.spec, got, c.want)
		}
	}
}

// Whatever key of the agent is wrong has a field that people know.
func TestFieldNames(t *testing.T) {
	for key, want := range map[string]string{
		"deliver.endpoint": "deliver.endpoint", "drain_timeout": "drainTimeout", "buffer.max_age": "buffer.maxAge",
		"accept.jaeger.zipkin_compact": "accept.jaeger.zipkinCompact", "deliver.tls.server_name": "deliver.tls.serverName",
		"deliver.headers_from": "deliver.headersFrom", "log.level": "logLevel", "": "",
	} {
		if got := fieldName(key); got != want {
			t.Errorf("%s: %s", key, got)
		}
	}
}

// The configuration says what it should, in the agent's own reading.
func TestConfigRead(t *testing.T) {
	for _, name := range []string{"sidecar", "sidecar-everything", "daemonset"} {
		ta := read(t, "testdata/"+name+".yaml")
		text, errs := Config(ta)
		c, err := config.Parse(ConfigFile, text, example)
		if len(errs) > 0 || err != nil {
			t.Fatal(errs, err)
		}
		tags := map[string]string{}
		for _, tag := range c.Tags {
			tags[tag.Key] = tag.Value
		}
		for k, v := range ta.Spec.Tags {
			if want := strings.ReplaceAll(v, "${HOST_IP}", "192.0.2.2"); tags[k] != want {
				t.Errorf("%s: tag %s is %q, want %q", name, k, tags[k], want)
			}
		}
		if ta.Spec.Strategy == v1alpha1.Sidecar && (tags["k8s.pod.name"] != "shop-0" || tags["k8s.namespace.name"] != "shop" || tags["k8s.pod.uid"] == "") || tags["k8s.node.name"] == "" {
			t.Errorf("%s: tags %v", name, tags)
		}
	}
}

// What changes a pod changes the revision, and what agents take up by themselves
// doesn't.
func TestRevision(t *testing.T) {
	base := func() *v1alpha1.TraceAgent { return parse(t, "{strategy: Sidecar, deliver: {endpoint: 'c:4317'}}") }
	o := options
	was := Revision(base(), o)
	for what, c := range map[string]struct {
		change func(*v1alpha1.TraceAgent)
		same   bool
	}{
		"endpoint":  {func(ta *v1alpha1.TraceAgent) { ta.Spec.Deliver.Endpoint = "d:4317" }, true},
		"tags":      {func(ta *v1alpha1.TraceAgent) { ta.Spec.Tags = map[string]string{"a": "b"} }, true},
		"drain":     {func(ta *v1alpha1.TraceAgent) { ta.Spec.DrainTimeout = "1s" }, true},
		"selector":  {func(ta *v1alpha1.TraceAgent) { ta.Spec.Selector = nil }, true},
		"log level": {func(ta *v1alpha1.TraceAgent) { ta.Spec.LogLevel = "debug" }, false},
		"disk":      {func(ta *v1alpha1.TraceAgent) { ta.Spec.Buffer = &v1alpha1.Buffer{Disk: &v1alpha1.Disk{}} }, false},
		"port":      {func(ta *v1alpha1.TraceAgent) { ta.Spec.Accept = parse(t, "{accept: {otlp: {http: 1}}}").Spec.Accept }, false},
		"image":     {func(ta *v1alpha1.TraceAgent) { ta.Spec.Image = "a" }, false},
		"headers":   {func(ta *v1alpha1.TraceAgent) { ta.Spec.Deliver.HeadersFrom = &v1alpha1.HeadersSource{} }, false},
		"secrets":   {func(ta *v1alpha1.TraceAgent) { ta.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "a"}} }, false},
	} {
		ta := base()
		c.change(ta)
		if got := Revision(ta, o); (got == was) != c.same {
			t.Errorf("%s: %s, was %s", what, got, was)
		}
	}
	o.Image = "another"
	if Revision(base(), o) == was {
		t.Error("the operator's image changes nothing")
	}
	// Pods that send to a node's agent do not care what that is made of.
	ds := parse(t, "{strategy: DaemonSet, deliver: {endpoint: 'c:4317'}}")
	was = Revision(ds, options)
	ds.Spec.LogLevel = "debug"
	if Revision(ds, o) != was {
		t.Error("an app's pod is outdated by its node's agent's image")
	}
	if a, b := DaemonSet(ds, o).Spec.Template.Annotations[AnnotationRestart], DaemonSet(parse(t, "{strategy: DaemonSet, deliver: {endpoint: 'c:4317'}}"), o).Spec.Template.Annotations[AnnotationRestart]; a == b {
		t.Error("a log level does not restart agents of a DaemonSet, which take it up in no other way")
	}
}

// A namespace's own TraceAgent and the cluster's default may have one name.
func TestConfigMapNames(t *testing.T) {
	own, foreign := &v1alpha1.TraceAgent{}, &v1alpha1.TraceAgent{}
	own.Name, own.Namespace = "default", "shop"
	foreign.Name, foreign.Namespace = "default", "wayside-system"
	if a, b := ConfigMapName(own, "shop"), ConfigMapName(foreign, "shop"); a != "wayside-default" || a == b {
		t.Error(a, b)
	}
}

func TestResources(t *testing.T) {
	for spec, want := range map[string]string{
		"{}":                      "10m 200m 20Mi 20Mi",
		"{limits: {cpu: 5m}}":     "5m 5m 20Mi 20Mi",
		"{limits: {memory: 1Gi}}": "10m 200m 20Mi 1Gi",
		"{requests: {cpu: 1}}":    "1 1 20Mi 20Mi",
		"{requests: {cpu: 1m, memory: 30Mi}, limits: {cpu: 2m}}": "1m 2m 30Mi 30Mi",
	} {
		r := resources(parse(t, "{strategy: Sidecar, resources: "+spec+"}"))
		var got []string
		for _, n := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			request, limit := r.Requests[n], r.Limits[n]
			got = append(got, request.String(), limit.String())
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s: %s, want %s", spec, g, want)
		}
	}
}

// What is made of a TraceAgent shares nothing with it, and is the same each time.
func TestPure(t *testing.T) {
	names, _ := filepath.Glob("testdata/*.yaml")
	for _, name := range names {
		ta := read(t, name)
		before := ta.DeepCopy()
		d := DaemonSet(ta, options)
		d.Spec.Template.Spec.Containers[0].Resources.Limits["x"] = d.Spec.Template.Spec.Containers[0].Resources.Limits["cpu"]
		if len(d.Spec.Template.Spec.Tolerations) > 0 {
			d.Spec.Template.Spec.Tolerations[0].Key = "x"
		}
		if len(d.Spec.Template.Spec.ImagePullSecrets) > 0 {
			d.Spec.Template.Spec.ImagePullSecrets[0].Name = "x"
		}
		d.Labels["x"], d.Spec.Template.Spec.NodeSelector["x"] = "x", "x"
		a, err1 := yaml.Marshal(before)
		b, err2 := yaml.Marshal(ta)
		if string(a) != string(b) || err1 != nil || err2 != nil {
			t.Errorf("%s: the TraceAgent was changed", name)
		}
	}
}

// Each port of the agent has a name that Kubernetes takes, and is known by one
// field. A row that is missing here would be a port that clashes unseen.
func TestPorts(t *testing.T) {
	ta := parse(t, "{strategy: Sidecar, deliver: {endpoint: 'c:1'}, accept: {jaeger: {zipkinCompact: 5775, grpc: 14250, http: 14268}, zipkin: {http: 9411}}}")
	text, errs := Config(ta)
	c, err := config.Parse(ConfigFile, text, example)
	if len(errs) > 0 || err != nil {
		t.Fatal(errs, err)
	}
	opened := map[string]bool{}
	for _, list := range [][]string{
		c.Accept.Jaeger.Compact, c.Accept.Jaeger.Binary, c.Accept.Jaeger.ZipkinCompact, c.Accept.Jaeger.GRPC, c.Accept.Jaeger.HTTP,
		c.Accept.OTLP.GRPC, c.Accept.OTLP.HTTP, c.Accept.Zipkin.HTTP, c.Control.HTTP, c.Admin.HTTP,
	} {
		if len(list) == 0 {
			t.Error("a listener is off")
		}
		for _, a := range list {
			opened[a[strings.LastIndexByte(a, ':')+1:]] = true
		}
	}
	var names []string
	for _, p := range Ports(ta) {
		if len(p.Name) > 15 || slices.Contains(names, p.Name) {
			t.Errorf("name %s", p.Name)
		}
		names = append(names, p.Name)
		delete(opened, at("", p.Number)[1:])
	}
	if len(opened) > 0 {
		t.Errorf("ports %v are not among %v", slices.Sorted(maps.Keys(opened)), names)
	}
}

// Two agents can be on one node only if they want nothing of it.
func TestUpdateStrategy(t *testing.T) {
	for spec, surge := range map[string]bool{"{}": true, "{hostPort: true}": false, "{hostNetwork: true}": false} {
		ta := parse(t, "{strategy: DaemonSet, deliver: {endpoint: 'c:1'}, daemonSet: "+spec+"}")
		d := DaemonSet(ta, options)
		config, errs := Config(ta)
		if len(errs) > 0 {
			t.Error(errs)
		}
		u := d.Spec.UpdateStrategy.RollingUpdate
		c := d.Spec.Template.Spec.Containers[0]
		ports := slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.HostPort != 0 })
		if got := u.MaxSurge.String() != "0"; got != surge || got == (u.MaxUnavailable.String() != "0") || ports == surge || strings.Contains(string(config), "stop_delay: 6s") != surge {
			t.Errorf("%s: surge %v, unavailable %v, host ports %v, %s", spec, u.MaxSurge, u.MaxUnavailable, ports, config)
		}
	}
}
