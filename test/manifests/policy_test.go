package manifests

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/admission"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"sigs.k8s.io/yaml"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/render"
)

// oldest is the Kubernetes that the policy has to work on: the first in which the
// kind is stable.
var oldest = version.MustParse("1.36")

// An evaluator runs a policy as the API server does (its package
// pkg/admission/plugin/policy/mutating, compilePolicy, which is not exported).
type evaluator struct {
	matcher  matchconditions.Matcher
	patchers []patch.Patcher
	compiler *plugincel.CompositedCompiler
}

func compile(t *testing.T, p *admissionregistrationv1.MutatingAdmissionPolicy, v *version.Version) evaluator {
	t.Helper()
	options := plugincel.OptionalVariableDeclarations{HasAuthorizer: true}
	compiler, err := plugincel.NewCompositedCompiler(environment.MustBaseEnvSet(v))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range p.Spec.Variables {
		result := compiler.CompileAndStoreVariable(&validating.Variable{Name: v.Name, Expression: v.Expression}, options, environment.NewExpressions)
		if result.Error != nil {
			t.Fatalf("variable %s: %v", v.Name, result.Error)
		}
	}
	var conditions []plugincel.ExpressionAccessor
	for i := range p.Spec.MatchConditions {
		conditions = append(conditions, (*matchconditions.MatchCondition)(&p.Spec.MatchConditions[i]))
	}
	// The policy ignores failures, so that apps start; here they are to be seen.
	fail := admissionregistrationv1.Fail
	e := evaluator{compiler: compiler, matcher: matchconditions.NewMatcher(
		compiler.CompileCondition(conditions, options, environment.NewExpressions), &fail, "policy", "validate", p.Name)}
	options.HasPatchTypes = true
	for _, m := range p.Spec.Mutations {
		result := compiler.CompileMutatingEvaluator(&patch.JSONPatchCondition{Expression: m.JSONPatch.Expression}, options, environment.NewExpressions)
		for _, err := range result.CompilationErrors() {
			t.Fatalf("%v in\n%s", err, m.JSONPatch.Expression)
		}
		e.patchers = append(e.patchers, patch.NewJSONPatcher(result))
	}
	return e
}

// admit is what becomes of a pod that a binding selects; nil if it is left alone.
func (e evaluator) admit(t *testing.T, pod *corev1.Pod) *corev1.Pod {
	t.Helper()
	gvk, gvr := corev1.SchemeGroupVersion.WithKind("Pod"), corev1.SchemeGroupVersion.WithResource("pods")
	attributes := admission.NewAttributesRecord(pod, nil, gvk, pod.Namespace, pod.Name, gvr, "", admission.Create, &metav1.CreateOptions{}, false, nil)
	versioned := &admission.VersionedAttributes{Attributes: attributes, VersionedObject: admission.NewLazyObject(pod), VersionedKind: gvk}
	ctx := e.compiler.CreateContext(context.Background()) // holds the variables of one request
	match := e.matcher.Match(ctx, versioned, nil, nil)
	if match.Error != nil {
		t.Fatal(match.Error)
	}
	if !match.Matches {
		return nil
	}
	for _, p := range e.patchers {
		changed, err := p.Patch(ctx, patch.Request{
			MatchedResource: gvr, VersionedAttributes: versioned,
			ObjectInterfaces: admission.NewObjectInterfacesFromScheme(scheme),
			Namespace:        &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: pod.Namespace}},
		}, celconfig.RuntimeCELCostBudget)
		if err != nil {
			t.Fatal(err)
		}
		versioned.VersionedObject = admission.NewLazyObject(changed)
		versioned.Dirty = true
	}
	return versioned.VersionedObject.Object().(*corev1.Pod)
}

func policyOf(t *testing.T) evaluator {
	t.Helper()
	policies := all[*admissionregistrationv1.MutatingAdmissionPolicy](kustomize(t, deploy+"/kubernetes/sidecar-policy"))
	if len(policies) != 1 {
		t.Fatalf("there are %d policies, want 1", len(policies))
	}
	return compile(t, policies[0], oldest)
}

// sidecarByPolicy is the TraceAgent whose pods the policy's are.
func sidecarByPolicy() *v1alpha1.TraceAgent {
	ta := new(v1alpha1.TraceAgent)
	ta.Name, ta.Namespace = "agent", "shop"
	ta.Spec.Strategy = v1alpha1.Sidecar
	secret := v1alpha1.SecretReference{Name: "wayside-tls"}
	ta.Spec.Deliver = v1alpha1.Deliver{
		Endpoint:    "collector.shop:4317",
		HeadersFrom: &v1alpha1.HeadersSource{SecretRef: v1alpha1.SecretReference{Name: "wayside-headers"}},
		TLS: &v1alpha1.TLS{
			Enabled: true, CAFrom: &v1alpha1.CASource{SecretRef: &secret},
			CertificateFrom: &v1alpha1.CertificateSource{SecretRef: secret},
		},
	}
	return ta
}

func pod(t *testing.T, text string) *corev1.Pod {
	t.Helper()
	p := new(corev1.Pod)
	if err := yaml.UnmarshalStrict([]byte("apiVersion: v1\nkind: Pod\n"+text), p); err != nil {
		t.Fatal(err)
	}
	p.Name, p.Namespace = "shop-0", "shop"
	return p
}

func names(list []corev1.Container) (names []string) {
	for _, c := range list {
		names = append(names, c.Name)
	}
	return names
}

func TestPolicyGivesWhatTheOperatorGives(t *testing.T) {
	ta := sidecarByPolicy()
	admitted := policyOf(t).admit(t, pod(t, `
spec:
  containers: [{name: app, image: "app:1"}]
`))
	if admitted == nil {
		t.Fatal("a plain pod was left alone")
	}
	if got, want := names(admitted.Spec.InitContainers), []string{"wayside-agent"}; !cmp.Equal(got, want) {
		t.Fatalf("init containers are %q, want %q", got, want)
	}
	same := func(what string, want, got any) {
		t.Helper()
		w, _ := yaml.Marshal(want)
		g, _ := yaml.Marshal(got)
		if diff := cmp.Diff(string(w), string(g)); diff != "" {
			t.Errorf("%s differs (-operator +policy):\n%s", what, diff)
		}
	}
	same("the agent", render.Container(ta, options), admitted.Spec.InitContainers[0])
	wantVolumes, _ := yaml.Marshal(render.Volumes(ta, "shop"))
	var volumes []corev1.Volume
	if err := yaml.Unmarshal(wantVolumes, &volumes); err != nil {
		t.Fatal(err)
	}
	// One source or two make the same files.
	for i := range volumes {
		if p := volumes[i].Projected; p != nil && len(p.Sources) == 2 {
			p.Sources[0].Secret.Items = append(p.Sources[0].Secret.Items, p.Sources[1].Secret.Items...)
			p.Sources = p.Sources[:1]
		}
	}
	same("the volumes", volumes, admitted.Spec.Volumes)
	same("the app's environment", render.Environment(ta, "shop", "app"), admitted.Spec.Containers[0].Env)
	if admitted.Labels[v1alpha1.LabelInjected] != "sidecar" {
		t.Errorf("labels are %v", admitted.Labels)
	}

	if again := policyOf(t).admit(t, admitted); again != nil {
		t.Error("a pod that has an agent was given one more")
	}
}

func TestPolicyKeepsWhatAppsHave(t *testing.T) {
	admitted := policyOf(t).admit(t, pod(t, `
metadata: {labels: {app: shop}}
spec:
  securityContext: {runAsUser: 0}
  initContainers:
    - {name: istio-init, image: "istio:1"}
    - {name: istio-proxy, image: "istio:1", restartPolicy: Always}
    - {name: migrate, image: "app:1"}
  containers:
    - {name: app, image: "app:1", env: [{name: JAEGER_AGENT_HOST, value: elsewhere}, {name: OTEL_RESOURCE_ATTRIBUTES, value: a=b}]}
    - {name: linkerd-proxy, image: "linkerd:1"}
    - {name: other, image: "app:1"}
  volumes: [{name: data, emptyDir: {}}]
`))
	if admitted == nil {
		t.Fatal("it was left alone")
	}
	if got, want := names(admitted.Spec.InitContainers), []string{"istio-init", "istio-proxy", "wayside-agent", "migrate"}; !cmp.Equal(got, want) {
		t.Errorf("init containers are %q, want %q: an agent's spans go through the mesh", got, want)
	}
	if user := admitted.Spec.InitContainers[2].SecurityContext.RunAsUser; user == nil || *user != render.UID {
		t.Errorf("in a pod that runs as root the agent runs as %v, want %d", user, render.UID)
	}
	if got := admitted.Spec.Volumes[0].Name; got != "data" {
		t.Errorf("the first volume is %s, want the app's", got)
	}
	if admitted.Labels["app"] != "shop" {
		t.Errorf("labels are %v", admitted.Labels)
	}
	env := map[string]string{}
	for _, e := range admitted.Spec.Containers[0].Env {
		if _, twice := env[e.Name]; twice {
			t.Errorf("%s is there twice", e.Name)
		}
		env[e.Name] = e.Value
	}
	if env["JAEGER_AGENT_HOST"] != "elsewhere" || env["OTEL_RESOURCE_ATTRIBUTES"] != "a=b" {
		t.Errorf("what the app had set was changed: %v", env)
	}
	if env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == "" {
		t.Errorf("the app was not told of its agent: %v", env)
	}
	if got := len(admitted.Spec.InitContainers[3].Env); got == 0 {
		t.Error("the app's init container got no variables")
	}
	if got := len(admitted.Spec.InitContainers[0].Env) + len(admitted.Spec.InitContainers[1].Env); got != 0 {
		t.Errorf("the mesh's init containers got %d variables", got)
	}
	if got := len(admitted.Spec.Containers[1].Env); got != 0 {
		t.Errorf("the mesh's proxy got %d variables", got)
	}
	if got := len(admitted.Spec.Containers[2].Env); got == 0 {
		t.Error("the second container of the app got no variables")
	}
}

func TestPolicyLeavesAlone(t *testing.T) {
	for name, text := range map[string]string{
		"host network":          `spec: {hostNetwork: true, containers: [{name: app, image: "app:1"}]}`,
		"Windows":               `spec: {os: {name: windows}, containers: [{name: app, image: "app:1"}]}`,
		"Windows, by its node":  `spec: {nodeSelector: {kubernetes.io/os: windows}, containers: [{name: app, image: "app:1"}]}`,
		"a pod of the node":     "metadata: {annotations: {kubernetes.io/config.mirror: x}}\nspec: {containers: [{name: app, image: \"app:1\"}]}",
		"a port of the agent's": `spec: {containers: [{name: app, image: "app:1", ports: [{containerPort: 4317}]}]}`,
		"a Jaeger Agent":        `spec: {containers: [{name: app, image: "app:1"}, {name: jaeger-agent, image: "jaeger:1"}]}`,
	} {
		if policyOf(t).admit(t, pod(t, text)) != nil {
			t.Errorf("%s: it was given an agent", name)
		}
	}
}

// Exactly one binding is for each pod that asks, and none for those that do not.
func TestBindingsAreDisjoint(t *testing.T) {
	bindings := all[*admissionregistrationv1.MutatingAdmissionPolicyBinding](kustomize(t, deploy+"/kubernetes/sidecar-policy"))
	for _, c := range []struct {
		pod, namespace string // values of the label; "" is without
		name           string
		want           int
	}{
		{"", "", "shop", 0},
		{"true", "", "shop", 1},
		{"", "true", "shop", 1},
		{"true", "true", "shop", 1},
		{"false", "true", "shop", 0},
		{"true", "true", "kube-system", 0},
		{"", "true", "wayside-system", 0},
	} {
		of := func(value string, more ...string) map[string]string {
			labels := map[string]string{"x": "y"}
			if value != "" {
				labels[v1alpha1.LabelInject] = value
			}
			for i := 0; i+1 < len(more); i += 2 {
				labels[more[i]] = more[i+1]
			}
			return labels
		}
		got := 0
		for _, b := range bindings {
			if b.Spec.PolicyName != "wayside-sidecar" {
				t.Errorf("%s is for policy %s", b.Name, b.Spec.PolicyName)
			}
			m := b.Spec.MatchResources
			if selects(m.ObjectSelector, of(c.pod)) && selects(m.NamespaceSelector, of(c.namespace, "kubernetes.io/metadata.name", c.name)) {
				got++
			}
		}
		if got != c.want {
			t.Errorf("pod %q in namespace %s %q: %d bindings are for it, want %d", c.pod, c.name, c.namespace, got, c.want)
		}
	}
}

// admittedPodsKeepTheStandard: what the policy adds passes wherever the pod passed.
func TestPolicyKeepsRestrictedPodsRestricted(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "restricted.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	r := decode(t, "restricted.yaml", text)
	if findings := checkStandards(r); len(findings) > 0 {
		t.Fatalf("the pod is not restricted to begin with: %v", findings)
	}
	admitted := policyOf(t).admit(t, all[*corev1.Pod](r)[0])
	r.objects = []object{admitted}
	for _, finding := range append(checkStandards(r), checkResources(r)...) {
		t.Error(finding)
	}
}
