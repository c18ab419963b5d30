package reconcile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/render"
)

// objects are what a TraceAgent is to have; copies are the other namespaces whose
// pods read its ConfigMap.
func objects(ta *v1alpha1.TraceAgent, config []byte, copies []string, o render.Options) ([]*unstructured.Unstructured, error) {
	own := []client.Object{render.ConfigMap(ta, ta.Namespace, config)}
	if ta.Spec.Strategy == v1alpha1.DaemonSet {
		own = append(own, render.ServiceAccount(ta), render.Service(ta), render.DaemonSet(ta, o))
	}
	var list []*unstructured.Unstructured
	for _, obj := range own {
		// Without blockOwnerDeletion, for which some clusters want more permissions.
		obj.SetOwnerReferences([]metav1.OwnerReference{{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: "TraceAgent", Name: ta.Name, UID: ta.UID, Controller: new(true),
		}})
		u, err := applicable(obj)
		if err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	if ta.Spec.Strategy == v1alpha1.Sidecar {
		for _, ns := range copies {
			if ns == ta.Namespace {
				continue
			}
			u, err := applicable(render.ConfigMap(ta, ns, config))
			if err != nil {
				return nil, err
			}
			list = append(list, u)
		}
	}
	return list, nil
}

// applicable makes a configuration for server-side apply of an object that has its
// kind: what it sets, and nothing else.
func applicable(obj client.Object) (*unstructured.Unstructured, error) {
	b, err := json.Marshal(obj)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(b); err != nil {
		return nil, fmt.Errorf("%T %s: %w", obj, obj.GetName(), err)
	}
	delete(u.Object, "status")
	withoutNulls(u.Object)
	return u, nil
}

// withoutNulls drops what is written for fields that are not set, such as
// creationTimestamp.
func withoutNulls(m map[string]any) {
	for k, v := range m {
		switch v := v.(type) {
		case nil:
			delete(m, k)
		case map[string]any:
			withoutNulls(v)
		case []any:
			for _, e := range v {
				if e, ok := e.(map[string]any); ok {
					withoutNulls(e)
				}
			}
		}
	}
}

// ownerOfCopy says whose copy a ConfigMap is, by its name.
func ownerOfCopy(name string) (types.NamespacedName, bool) {
	parts := strings.SplitN(name, ".", 3)
	if len(parts) != 3 || parts[0] != "wayside" {
		return types.NamespacedName{}, false
	}
	return types.NamespacedName{Namespace: parts[1], Name: parts[2]}, true
}

// copiesOf are the namespaces that have to have a copy: where pods use it, and, for
// the cluster's default, where one is already. Those stay while no pod is there, so
// that the pods of a CronJob don't come and find it gone.
func copiesOf(ta *v1alpha1.TraceAgent, t Tally, isDefault bool, existing []string) []string {
	if ta.Spec.Strategy != v1alpha1.Sidecar {
		return nil
	}
	all := slices.Clone(t.Namespaces)
	if isDefault {
		all = append(all, existing...)
	}
	all = slices.DeleteFunc(all, func(ns string) bool { return ns == ta.Namespace })
	slices.Sort(all)
	return slices.Compact(all)
}
