//go:build cluster

package nodes

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/test/cluster"
)

// TestPolicyOnly: the MutatingAdmissionPolicy gives pods their agent, with no TraceAgent and nobody who is asked.
func TestPolicyOnly(t *testing.T) {
	t.Parallel()
	root, err := cluster.Root()
	if err != nil {
		t.Fatal(err)
	}
	manifests := filepath.Join(root, "../../deploy/kubernetes")
	s := newSpace(t, restricted)
	c := s.collect(nil)
	config, err := os.ReadFile(filepath.Join(manifests, "sidecar/agent.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const endpoint = "collector.observability:4317"
	if strings.Count(string(config), endpoint) != 1 {
		t.Fatalf("the example's endpoint is not %s:\n%s", endpoint, config)
	}
	cm := &corev1.ConfigMap{Data: map[string]string{"agent.yaml": strings.Replace(string(config), endpoint, c.endpoint(), 1)}}
	cm.Name, cm.Namespace = "wayside-agent", s.name
	if err := kube.Create(t.Context(), cm); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), kube.kubectl, "kustomize", filepath.Join(manifests, "sidecar-policy")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, doc := range strings.Split(string(out), "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
			t.Fatal(err)
		}
		if u.GetKind() == "MutatingAdmissionPolicyBinding" { // the other tests' namespaces are not meant
			if err := unstructured.SetNestedField(u.Object, s.name, "spec", "matchResources", "namespaceSelector", "matchLabels", "kubernetes.io/metadata.name"); err != nil {
				t.Fatal(err)
			}
		}
		if err := kube.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("test"), client.ForceOwnership); err != nil {
			t.Fatalf("%s: %v", u.GetName(), err)
		}
		t.Cleanup(func() {
			if err := kube.Delete(context.Background(), u); err != nil {
				t.Error(err)
			}
		})
	}
	ns := &corev1.Namespace{}
	if err := kube.Get(t.Context(), client.ObjectKey{Name: s.name}, ns); err != nil {
		t.Fatal(err)
	}
	patch := client.MergeFrom(ns.DeepCopy())
	ns.Labels[v1alpha1.LabelInject] = v1alpha1.InjectTrue
	if err := kube.Patch(t.Context(), ns, patch); err != nil {
		t.Fatal(err)
	}
	// The API server takes a moment to learn of it.
	s.await("the policy", func() error {
		pod := &corev1.Pod{}
		pod.Name, pod.Namespace = "try", s.name
		pod.Spec.Containers = []corev1.Container{{Name: "app", Image: "apps:test", SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false), RunAsNonRoot: new(true),
			Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		}}}
		if err := kube.Create(t.Context(), pod, client.DryRunAll); err != nil {
			return err
		}
		if len(pod.Spec.InitContainers) == 0 {
			return fmt.Errorf("no init container, %s", pod.Annotations)
		}
		return nil
	})
	const spans = 80
	s.apply("tellers.yaml", values{"Name": "shop", "Spans": spans, "Linger": true})
	p := s.ready("shop", 1)[0]
	c.told(p, spans)
	if lane := s.settled(p.Name, 14271); lane.Accepted != 2*spans || lane.Delivered != 2*spans {
		t.Errorf("%+v", lane.Account)
	}
	s.restarts(p, sidecar)
}
