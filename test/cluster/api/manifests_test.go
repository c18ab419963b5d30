//go:build cluster

package api

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// foreign are kinds that others define, which these servers don't have.
var foreign = []string{"PodMonitor", "PrometheusRule", "SecurityContextConstraints"}

// newer are kinds that the oldest server doesn't have.
var newer = []string{"MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"}

// TestManifests: everything in deploy/kubernetes is taken, with no field that the server doesn't know.
func TestManifests(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		taken := 0
		for _, folder := range kustomizations(t) {
			out, err := exec.Command(s.kubectl, "kustomize", "--load-restrictor=LoadRestrictionsNone", folder).CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v: %s", folder, err, out)
				continue
			}
			list := objects(string(out))
			for _, u := range list {
				if u.GetKind() == "Namespace" {
					s.namespace(t, u.GetName(), nil)
				} else if u.GetNamespace() != "" {
					s.namespace(t, u.GetNamespace(), nil)
				}
			}
			for _, u := range list {
				err := s.apply(t.Context(), u, client.DryRunAll)
				switch {
				case err == nil:
					taken++
				case s.oldest && err != nil && strings.Contains(err.Error(), "lifecycle.preStop: Required value"):
					// preStop.sleep is of 1.30, as deploy/kubernetes/daemonset says.
				case meta.IsNoMatchError(err) && (slices.Contains(foreign, u.GetKind()) || s.oldest && slices.Contains(newer, u.GetKind())):
				default:
					t.Errorf("%s: %s %s: %v", folder, u.GetKind(), u.GetName(), err)
				}
				s.unknown(t, folder, u)
			}
		}
		if taken < 10 {
			t.Errorf("only %d objects were taken", taken)
		}
	})
}

// unknown fails the test for fields that the server does not know: an apply tells of them only by a warning.
func (s *server) unknown(t *testing.T, folder string, u *unstructured.Unstructured) {
	t.Helper()
	if u.GetKind() == "Namespace" {
		return
	}
	copied := u.DeepCopy()
	copied.SetName(u.GetName() + "-strict")
	err := client.WithFieldValidation(s, "Strict").Create(t.Context(), copied, client.DryRunAll)
	if err != nil && strings.Contains(err.Error(), "unknown field") {
		t.Errorf("%s: %s %s: %v", folder, u.GetKind(), u.GetName(), err)
	}
}

// kustomizations are the folders to be built: all but components.
func kustomizations(t *testing.T) (folders []string) {
	t.Helper()
	for _, top := range []string{root + "/deploy/kubernetes", root + "/test/manifests/overlays"} {
		err := filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.Name() == "kustomization.yaml" {
				var text []byte
				text, err = os.ReadFile(path)
				if !strings.Contains(string(text), "kind: Component") {
					folders = append(folders, filepath.Dir(path))
				}
			}
			return err
		})
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if len(folders) < 3 {
		t.Fatalf("there are only %v", folders)
	}
	return folders
}

// TestPolicy: the MutatingAdmissionPolicy injects, by the API server itself.
func TestPolicy(t *testing.T) {
	s := servers["newest"]
	out, err := exec.Command(s.kubectl, "kustomize", root+"/deploy/kubernetes/sidecar-policy").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, u := range objects(string(out)) {
		if err := s.apply(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Delete(t.Context(), u) })
	}
	s.namespace(t, "policy", map[string]string{enforce: "restricted"})
	create := func(labels map[string]string) *corev1.Pod {
		pod := &corev1.Pod{}
		pod.Name, pod.Namespace, pod.Labels = "app", "policy", labels
		pod.Spec.Containers = []corev1.Container{{Name: "app", Image: "shop:1", SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false), RunAsNonRoot: new(true),
			Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		}}}
		if err := s.Create(t.Context(), pod, client.DryRunAll); err != nil {
			t.Fatal(err)
		}
		return pod
	}
	// The server takes a moment to learn of a policy.
	var asked *corev1.Pod
	for range 100 {
		if asked = create(map[string]string{"sidecar.wayside.dev/inject": "true"}); len(asked.Spec.InitContainers) > 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if len(asked.Spec.InitContainers) != 1 || asked.Spec.InitContainers[0].Name != "wayside-agent" {
		t.Errorf("a pod that asks for a sidecar gets %+v", asked.Spec.InitContainers)
	}
	if plain := create(nil); len(plain.Spec.InitContainers) != 0 || len(plain.Spec.Containers[0].Env) != 0 {
		t.Errorf("a pod that does not ask is changed: %+v", plain.Spec)
	}
}
