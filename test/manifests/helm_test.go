package manifests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

const chartDir = deploy + "/helm/wayside"

// template is `helm template wayside deploy/helm/wayside -n NAMESPACE -f VALUES`: it
// asks no cluster.
func template(namespace, values string) ([]byte, error) {
	chart, err := loader.LoadDir(chartDir)
	if err != nil {
		return nil, err
	}
	given, err := common.ReadValues([]byte(values))
	if err != nil {
		return nil, err
	}
	options := common.ReleaseOptions{Name: "wayside", Namespace: namespace, Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(chart, given, options, common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range files {
			if !yield(name) {
				return
			}
		}
	}) {
		if strings.HasSuffix(name, ".yaml") && strings.TrimSpace(files[name]) != "" {
			fmt.Fprintf(&b, "---\n%s\n", files[name])
		}
	}
	return b.Bytes(), nil
}

func helm(t *testing.T, namespace, values string) *rendered {
	t.Helper()
	text, err := template(namespace, values)
	if err != nil {
		t.Fatalf("values\n%s\n%v", values, err)
	}
	r := decode(t, "chart", text)
	r.chart = true
	return r
}

// releases are ways in which the chart is installed.
var releases = map[string]struct {
	values     string
	privileged bool
}{
	"as it is":       {"", false},
	"DaemonSet only": {"operator: {enabled: false}\ncrds: {install: false}\ndaemonSet: {enabled: true, config: {deliver: {endpoint: \"collector.observability:4317\"}}}", false},
	"everything": {`
imagePullSecrets: [{name: registry}]
operator: {podLabels: {a: b}, podAnnotations: {c: d}, args: [--log-level=debug], daemonSetNamespaces: [wayside, nodes], priorityClassName: high, tolerations: [{operator: Exists}], nodeSelector: {pool: system}}
daemonSet:
  enabled: true
  config: {deliver: {endpoint: "collector.observability:4317", headers_from: /etc/wayside/headers, tls: {enabled: true}}, accept: {zipkin: {http: ":9411"}, jaeger: {grpc: ":14250"}}}
  headersSecret: token
  tlsSecret: tls
  trafficDistribution: PreferSameNode
  podLabels: {a: b}
  tolerations: [{operator: Exists}]
networkPolicy: {enabled: true}
podMonitor: {enabled: true, labels: {release: prometheus}}
alerts: {enabled: true, labels: {release: prometheus}}
`, false},
	"memory only":  {"daemonSet: {enabled: true, config: {deliver: {endpoint: \"c:4317\"}, buffer: {disk: null}}}", false},
	"host network": {"daemonSet: {enabled: true, hostNetwork: true, disk: {hostPath: /var/lib/wayside}, config: {deliver: {endpoint: \"c:4317\"}}}", true},
	"host port":    {"daemonSet: {enabled: true, hostPort: true, config: {deliver: {endpoint: \"c:4317\"}}}", true},
}

func TestChart(t *testing.T) {
	for name, release := range releases {
		t.Run(name, func(t *testing.T) {
			r := helm(t, "tracing", release.values)
			r.privileged = release.privileged
			check(t, r)
			checkConfigurations(t, r)
			for _, o := range r.objects {
				if o.GetNamespace() != "" && o.GetNamespace() != "tracing" && !slices.Contains([]string{"wayside", "nodes"}, o.GetNamespace()) {
					t.Errorf("%s is not in the release's namespace", nameOf(o))
				}
			}
			again, err := template("tracing", release.values)
			if err != nil || !bytes.Equal(again, r.text) {
				t.Errorf("a second rendering differs from the first (%v): it would drift under GitOps", err)
			}
		})
	}
}

// What makes a chart render differently each time, or differently with a cluster.
var drifts = regexp.MustCompile(`\b(genCA|genSelfSignedCert|genSignedCert|genPrivateKey|rand[A-Z]\w*|uuidv4|now|lookup|htpasswd|bcrypt|getHostByName)\b|\.Capabilities|\.Release\.(IsUpgrade|IsInstall|Revision)`)

func TestChartDoesNotDrift(t *testing.T) {
	files, err := filepath.Glob(chartDir + "/templates/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no templates were found: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if found := drifts.Find(text); found != nil {
			t.Errorf("%s has %s: what it makes depends on when and where", file, found)
		}
	}
	for _, bad := range []string{`{{ genCA "x" 365 }}`, `{{ lookup "v1" "Secret" "a" "b" }}`, `{{ randAlphaNum 5 }}`, `{{ now }}`, `{{ .Capabilities.KubeVersion }}`} {
		if !drifts.MatchString(bad) {
			t.Errorf("%s would not be found", bad)
		}
	}
}

// Without options, the chart's DaemonSet is the operator's, and so are its variants.
func TestChartsDaemonSetIsWhatTheOperatorMakes(t *testing.T) {
	for name, c := range map[string]struct {
		values string
		change func(*v1alpha1.TraceAgent)
	}{
		"as it is":     {"", func(*v1alpha1.TraceAgent) {}},
		"host port":    {"hostPort: true", variants["host-port"]},
		"host network": {"hostNetwork: true", variants["host-network"]},
		"node disk":    {"disk: {hostPath: /var/lib/wayside}", variants["node-disk"]},
		"any node": {"trafficDistribution: PreferSameNode", func(ta *v1alpha1.TraceAgent) {
			ta.Spec.DaemonSet = &v1alpha1.DaemonSetOptions{TrafficDistribution: "PreferSameNode"}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			values := "operator: {enabled: false}\nagent: {image: {tag: dev, pullPolicy: IfNotPresent}}\n" +
				"daemonSet:\n  enabled: true\n  config: {deliver: {endpoint: \"collector.observability:4317\"}}\n  " + c.values
			r := helm(t, "wayside", values)
			for _, o := range r.objects {
				delete(o.GetLabels(), "helm.sh/chart")
			}
			ta := daemonSet()
			c.change(ta)
			ta.Spec.ImagePullPolicy = corev1.PullIfNotPresent
			sameObjects(t, r, ta)

			// The file is another one, and says the same.
			file := all[*corev1.ConfigMap](r)[0].Data["agent.yaml"]
			if diff := cmp.Diff(effective(t, agentYAML(t, ta, "")), effective(t, []byte(file))); diff != "" {
				t.Errorf("the configuration says something else than the operator's (-operator +chart):\n%s", diff)
			}
		})
	}
}

// effective is a configuration without what is the default anyway.
func effective(t *testing.T, text []byte) any {
	t.Helper()
	r := &rendered{objects: []object{&corev1.ConfigMap{Data: map[string]string{"agent.yaml": string(text)}}}}
	r.objects[0].SetName("wayside-agent")
	ds := byHandDaemonSet()
	got, err := effectiveConfig(t.TempDir(), r, workload{object: ds, pod: &ds.Spec.Template}, agentOf(&ds.Spec.Template.Spec))
	if err != nil {
		t.Fatal(err)
	}
	buffer, _ := got["buffer"].(map[string]any)
	if disk, ok := buffer["disk"].(map[string]any); ok {
		delete(disk, "path") // is of this test's own folder
	}
	return got
}

// The operator that the chart installs is the one that kustomize installs.
func TestChartsOperatorIsTheKustomization(t *testing.T) {
	chart := helm(t, "wayside-system", "operator: {image: {tag: dev}}\nagent: {image: {tag: dev}}")
	plain := kustomize(t, deploy+"/kubernetes/operator")
	want := map[string]string{}
	for _, o := range plain.objects {
		if kindOf(o) != "Namespace" {
			want[nameOf(o)] = comparable(t, o)
		}
	}
	for _, o := range chart.objects {
		name := nameOf(o)
		if diff := cmp.Diff(want[name], comparable(t, o)); diff != "" {
			t.Errorf("%s differs (-kustomize +chart):\n%s", name, diff)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("the chart does not make %s", name)
	}
}

// comparable is an object without what tells who installed it.
func comparable(t *testing.T, o object) string {
	t.Helper()
	o.SetLabels(nil)
	annotations := o.GetAnnotations()
	delete(annotations, "helm.sh/resource-policy")
	if len(annotations) == 0 {
		annotations = nil
	}
	o.SetAnnotations(annotations)
	if d, ok := o.(*appsv1.Deployment); ok {
		c := &d.Spec.Template.Spec.Containers[0]
		c.ImagePullPolicy = ""
		c.Args = slices.DeleteFunc(c.Args, func(arg string) bool { return arg == "--image-pull-policy=IfNotPresent" })
	}
	return string(manifest(t, o))
}

// Files in the chart are copies: a chart can't reach what lies beside it.
func TestChartsFilesAreCurrent(t *testing.T) {
	for file, source := range map[string]string{
		"crd.yaml":    deploy + "/crd/wayside.dev_traceagents.yaml",
		"rbac.yaml":   deploy + "/kubernetes/operator/rbac.yaml",
		"alerts.yaml": deploy + "/kubernetes/components/alerts/prometheusrule.yaml",
	} {
		want, err := os.ReadFile(source)
		if err != nil {
			t.Error(err)
			continue
		}
		current(t, filepath.Join(chartDir, "files", file), want)
	}
}

// A definition that is a template changes with the chart; and is kept, or not.
func TestDefinitionsAreUpgradedAndKept(t *testing.T) {
	if _, err := os.Stat(chartDir + "/crds"); err == nil {
		t.Error("the chart has a folder crds: Helm never upgrades what is there")
	}
	const keep = "helm.sh/resource-policy"
	for values, want := range map[string]string{"": "keep", "crds: {keep: false}": ""} {
		crds := all[*apiextensionsv1.CustomResourceDefinition](helm(t, "tracing", values))
		if len(crds) != 1 || crds[0].Annotations[keep] != want {
			t.Errorf("with %q: %d definitions, annotation %q, want 1 and %q", values, len(crds), crds[0].Annotations[keep], want)
		}
	}
	if crds := all[*apiextensionsv1.CustomResourceDefinition](helm(t, "tracing", "crds: {install: false}")); len(crds) != 0 {
		t.Error("crds.install: false installs it")
	}
}

func TestImages(t *testing.T) {
	digest := "sha256:" + strings.Repeat("ab", 32)
	for values, want := range map[string][2]string{
		"": {"wayside-operator:0.1.0", "wayside-agent:0.1.0"},
		"operator: {image: {repository: \"r.example:5000/w/operator\", tag: v1, digest: \"" + digest + "\"}}\nagent: {image: {tag: v2}}": {
			"r.example:5000/w/operator@" + digest, "wayside-agent:v2",
		},
	} {
		c := all[*appsv1.Deployment](helm(t, "tracing", values))[0].Spec.Template.Spec.Containers[0]
		if got := [2]string{c.Image, c.Env[0].Value}; got != want {
			t.Errorf("images are %q, want %q", got, want)
		}
	}
}

func TestChartRefuses(t *testing.T) {
	for values, want := range map[string]string{
		"daemonset: {enabled: true}":                         "daemonset",
		"operator: {replicas: 0}":                            "replicas",
		"agent: {image: {digest: x}}":                        "digest",
		"agent: {image: {repository: \"wayside-agent:v1\"}}": "repository",
		"daemonSet: {enabled: true}":                         "deliver.endpoint",
		"daemonSet: {enabled: true, config: {deliver: {endpoint: \"c:1\"}, accept: {otlp: {grpc: \"127.0.0.1:4317\"}}}}": "accept.otlp.grpc",
		"daemonSet: {enabled: true, hostPort: true, hostNetwork: true, config: {deliver: {endpoint: \"c:1\"}}}":          "choose one",
		"daemonSet: {trafficDistribution: PreferClose}":                                                                  "trafficDistribution",
	} {
		if _, err := template("tracing", values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want one about %s", values, err, want)
		}
	}
}

// Every value is in the schema, with its type, so that a misspelt one is refused.
func TestSchemaKnowsEveryValue(t *testing.T) {
	text, err := os.ReadFile(chartDir + "/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	text, err = os.ReadFile(chartDir + "/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	var compare func(path string, values, schema map[string]any)
	compare = func(path string, values, schema map[string]any) {
		properties, _ := schema["properties"].(map[string]any)
		if properties == nil {
			return // anything
		}
		if schema["additionalProperties"] != false {
			t.Errorf("%s takes what nobody knows", path)
		}
		for key, value := range values {
			of, ok := properties[key].(map[string]any)
			if !ok {
				t.Errorf("%s%s is not in the schema", path, key)
				continue
			}
			if m, ok := value.(map[string]any); ok {
				compare(path+key+".", m, of)
			}
		}
		for key := range properties {
			if _, ok := values[key]; !ok && path+key != "global" {
				t.Errorf("%s%s is in the schema, and has no default in values.yaml", path, key)
			}
		}
	}
	compare("", values, schema)
}
