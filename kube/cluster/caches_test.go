package cluster

import (
	"maps"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

func TestOfAPodOnlyWhatIsLookedAtIsKept(t *testing.T) {
	pod := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "web-1", UID: "u", ResourceVersion: "7", GenerateName: "web-",
		Labels: map[string]string{"app": "web", v1alpha1.LabelInjected: "sidecar"},
		Annotations: map[string]string{
			v1alpha1.AnnotationAgent: "shop/team", v1alpha1.AnnotationRevision: "r", v1alpha1.AnnotationReason: "why",
			"kubernetes.io/config.mirror": "m", "kubectl.kubernetes.io/last-applied-configuration": "{…}", "secret": "s",
		},
		OwnerReferences: []metav1.OwnerReference{{Name: "rs"}},
		Finalizers:      []string{"f"},
		ManagedFields:   []metav1.ManagedFieldsEntry{{Manager: "m"}},
	}}
	if _, err := slimPod(pod); err != nil {
		t.Fatal(err)
	}
	if pod.Name != "web-1" || pod.UID != "u" || pod.ResourceVersion != "7" || pod.Namespace != "shop" {
		t.Errorf("%+v", pod)
	}
	if want := map[string]string{"app": "web", v1alpha1.LabelInjected: "sidecar"}; !maps.Equal(pod.Labels, want) {
		t.Errorf("labels %v, want %v", pod.Labels, want)
	}
	want := map[string]string{v1alpha1.AnnotationAgent: "shop/team", v1alpha1.AnnotationRevision: "r", v1alpha1.AnnotationReason: "why", "kubernetes.io/config.mirror": "m"}
	if !maps.Equal(pod.Annotations, want) {
		t.Errorf("annotations %v, want %v", pod.Annotations, want)
	}
	if pod.OwnerReferences != nil || pod.ManagedFields != nil || pod.Finalizers != nil || pod.GenerateName != "" {
		t.Errorf("%+v", pod)
	}
}

func TestOfADaemonSetItsStatusIsKept(t *testing.T) {
	d := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "wayside-node", Generation: 3, OwnerReferences: []metav1.OwnerReference{{Name: "node"}}},
		Spec:       appsv1.DaemonSetSpec{MinReadySeconds: 5}, Status: appsv1.DaemonSetStatus{NumberReady: 2},
	}
	if _, err := slimObject(d); err != nil {
		t.Fatal(err)
	}
	if d.Status.NumberReady != 2 || d.Generation != 3 || len(d.OwnerReferences) != 1 || d.Spec.MinReadySeconds != 0 {
		t.Errorf("%+v", d)
	}
}

// What the caches hold is of kinds that the scheme knows, and is limited to where
// DaemonSets may be.
func TestCacheOptions(t *testing.T) {
	scheme, err := Scheme()
	if err != nil {
		t.Fatal(err)
	}
	kinds := func(namespaces ...string) map[string]int {
		seen := map[string]int{}
		for obj, by := range CacheOptions(namespaces).ByObject {
			gvk, err := apiutil.GVKForObject(obj, scheme)
			if err != nil {
				t.Fatal(err)
			}
			seen[gvk.Kind] = len(by.Namespaces)
		}
		return seen
	}
	if got, want := kinds("a", "b"), map[string]int{"Pod": 0, "Namespace": 0, "ConfigMap": 0, "Service": 2, "ServiceAccount": 2, "DaemonSet": 2}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := kinds(), map[string]int{"Pod": 0, "Namespace": 0, "ConfigMap": 0}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
