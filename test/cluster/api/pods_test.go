//go:build cluster

package api

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/inject"
	"github.com/wayside-tracing/wayside/kube/render"
)

const enforce = "pod-security.kubernetes.io/enforce"

// TestRestricted: an app that keeps to the restricted standard does so with an agent, too. One that doesn't is refused,
// with the agent and without: the server does look.
func TestRestricted(t *testing.T) {
	const app = `{name: app, image: "shop:1", securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}}`
	each(t, func(t *testing.T, s *server) {
		s.namespace(t, "restricted", map[string]string{enforce: "restricted"})
		for name, spec := range map[string]struct {
			text string
			ok   bool
		}{
			"good": {`{containers: [` + app + `]}`, true},
			"bad":  {`{containers: [{name: app, image: "shop:1"}]}`, false},
		} {
			for _, options := range []string{
				`{strategy: Sidecar, deliver: {endpoint: "collector:4317"}}`,
				`{strategy: Sidecar, deliver: {endpoint: "collector:4317", tls: {enabled: true}, headersFrom: {secretRef: {name: token}}}, buffer: {disk: {size: 64MiB}}}`,
			} {
				ta := &v1alpha1.TraceAgent{}
				ta.Name, ta.Namespace = "default", "restricted"
				if err := yaml.UnmarshalStrict([]byte(options), &ta.Spec); err != nil {
					t.Fatal(err)
				}
				raw, err := yaml.YAMLToJSON([]byte(`{apiVersion: v1, kind: Pod, metadata: {name: ` + name + `, namespace: restricted}, spec: ` + spec.text + `}`))
				if err != nil {
					t.Fatal(err)
				}
				pod := injected(t, inject.Request{Namespace: "restricted", Agents: []*v1alpha1.TraceAgent{ta}, Options: operator()}, raw)
				if len(pod.Spec.InitContainers) != 1 {
					t.Fatalf("no sidecar: %+v", pod)
				}
				err = client.WithFieldValidation(s, "Strict").Create(t.Context(), pod, client.DryRunAll)
				if spec.ok && err != nil {
					t.Errorf("%s pod, agent %s: %v", name, options, err)
				}
				if !spec.ok && (err == nil || !strings.Contains(err.Error(), "PodSecurity") || strings.Contains(err.Error(), "wayside-agent")) {
					t.Errorf("%s pod, agent %s: %v; it has to be refused, for its app alone", name, options, err)
				}
			}
		}
	})
}

// operator is what an operator is started with.
func operator() inject.Options {
	return inject.Options{
		Options:             render.Options{Image: "wayside-agent:dev"},
		DaemonSetNamespaces: []string{"wayside-system"}, NativeSidecars: true,
	}
}

// injected is a pod as it is after a decision.
func injected(t *testing.T, r inject.Request, raw []byte) *corev1.Pod {
	t.Helper()
	r.Pod = &corev1.Pod{}
	if err := json.Unmarshal(raw, r.Pod); err != nil {
		t.Fatal(err)
	}
	d := inject.Decide(r)
	if len(d.Patch) > 0 {
		text, err := json.Marshal(d.Patch)
		if err != nil {
			t.Fatal(err)
		}
		patch, err := jsonpatch.DecodePatch(text)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err = patch.Apply(raw); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	}
	pod := &corev1.Pod{}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(pod); err != nil {
		t.Fatal(err)
	}
	return pod
}

// TestFixtures: every pod of kube/inject's fixtures is taken by the API server as it comes out.
func TestFixtures(t *testing.T) {
	files, err := filepath.Glob(root + "/kube/inject/testdata/*.yaml")
	if err != nil || len(files) < 40 {
		t.Fatal(files, err)
	}
	each(t, func(t *testing.T, s *server) {
		changed := 0
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(filepath.Base(file), ".yaml")
			r := inject.Request{Options: operator()}
			var raw []byte
			for _, u := range objects(string(text)) {
				b, err := u.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				switch u.GetKind() {
				case "Namespace":
					r.Namespace, r.NamespaceLabels = u.GetName(), u.GetLabels()
				case "TraceAgent":
					ta := &v1alpha1.TraceAgent{}
					if err := json.Unmarshal(b, ta); err != nil {
						t.Fatal(err)
					}
					r.Agents = append(r.Agents, ta)
				case "Pod":
					raw = b
				}
			}
			s.namespace(t, r.Namespace, nil)
			var before corev1.Pod
			if err := json.Unmarshal(raw, &before); err != nil {
				t.Fatal(err)
			}
			after := injected(t, r, raw)
			for _, p := range []*corev1.Pod{&before, after} {
				p.Namespace, p.Name, p.GenerateName = r.Namespace, strings.ToLower(name), ""
				p.UID, p.ResourceVersion, p.OwnerReferences = "", "", nil
				p.Spec.ServiceAccountName, p.Spec.Priority, p.Spec.PriorityClassName = "default", nil, ""
			}
			if len(after.Spec.InitContainers) != len(before.Spec.InitContainers) {
				changed++
			}
			strict := client.WithFieldValidation(s, "Strict")
			if err := strict.Create(t.Context(), before.DeepCopy(), client.DryRunAll); err != nil {
				t.Logf("%s is refused without an agent, too: %v", name, err)
				continue
			}
			if err := strict.Create(t.Context(), after, client.DryRunAll); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if changed < 15 {
			t.Errorf("only %d of %d fixtures get a sidecar", changed, len(files))
		}
	})
}
