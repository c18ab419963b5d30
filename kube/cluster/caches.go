package cluster

import (
	"fmt"
	"strings"
	"unique"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// ManagedBy is the label, and its value, of everything that the operator makes.
const (
	LabelManagedBy = "app.kubernetes.io/managed-by"
	ManagedBy      = "wayside-operator"
)

// Kinds of which there is only metadata in the caches.
var (
	PodKind            = corev1.SchemeGroupVersion.WithKind("Pod")
	NamespaceKind      = corev1.SchemeGroupVersion.WithKind("Namespace")
	ConfigMapKind      = corev1.SchemeGroupVersion.WithKind("ConfigMap")
	ServiceKind        = corev1.SchemeGroupVersion.WithKind("Service")
	ServiceAccountKind = corev1.SchemeGroupVersion.WithKind("ServiceAccount")
	DaemonSetKind      = appsv1.SchemeGroupVersion.WithKind("DaemonSet")
)

// Metadata is an object to ask the caches with.
func Metadata(kind schema.GroupVersionKind) *metav1.PartialObjectMetadata {
	m := &metav1.PartialObjectMetadata{}
	m.SetGroupVersionKind(kind)
	return m
}

// MetadataList is for several.
func MetadataList(kind schema.GroupVersionKind) *metav1.PartialObjectMetadataList {
	m := &metav1.PartialObjectMetadataList{}
	m.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	return m
}

// Scheme has the kinds that the operator reads or writes.
func Scheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// CacheOptions say what of each kind is kept. What is read from the caches is
// theirs and must not be changed.
func CacheOptions(daemonSetNamespaces []string) cache.Options {
	own := labels.SelectorFromSet(labels.Set{LabelManagedBy: ManagedBy})
	there := map[string]cache.Config{}
	for _, ns := range daemonSetNamespaces {
		there[ns] = cache.Config{LabelSelector: own, Transform: slimObject, UnsafeDisableDeepCopy: new(true)}
	}
	options := cache.Options{
		ReaderFailOnMissingInformer:  true, // a kind that nobody meant to watch is a mistake
		DefaultTransform:             cache.TransformStripManagedFields(),
		DefaultUnsafeDisableDeepCopy: new(true),
		ByObject: map[client.Object]cache.ByObject{
			Metadata(PodKind): {
				Transform: slimPod,
				// A pod that has ended needs no agent any more, and one with the node's
				// network gets none, which its metadata does not show (1.28 and later).
				Field: fields.AndSelectors(
					fields.OneTermNotEqualSelector("spec.hostNetwork", "true"),
					fields.OneTermNotEqualSelector("status.phase", string(corev1.PodSucceeded)),
					fields.OneTermNotEqualSelector("status.phase", string(corev1.PodFailed)),
				),
			},
			Metadata(NamespaceKind): {Transform: slimNamespace},
			Metadata(ConfigMapKind): {Label: own, Transform: slimObject},
		},
	}
	if len(there) > 0 {
		for _, kind := range []schema.GroupVersionKind{ServiceKind, ServiceAccountKind} {
			options.ByObject[Metadata(kind)] = cache.ByObject{Namespaces: there}
		}
		options.ByObject[&appsv1.DaemonSet{}] = cache.ByObject{Namespaces: there}
	}
	return options
}

// slimPod leaves of a pod what decisions and counts look at.
func slimPod(in any) (any, error) {
	m, err := meta.Accessor(in)
	if err != nil {
		return nil, fmt.Errorf("cluster: a pod of type %T: %w", in, err)
	}
	m.SetManagedFields(nil)
	m.SetFinalizers(nil)
	m.SetGenerateName("")
	m.SetLabels(intern(m.GetLabels(), anyKey))
	m.SetAnnotations(intern(m.GetAnnotations(), podAnnotation))
	m.SetOwnerReferences(nil)
	m.SetNamespace(unique.Make(m.GetNamespace()).Value())
	return in, nil
}

func slimNamespace(in any) (any, error) {
	m, err := meta.Accessor(in)
	if err != nil {
		return nil, fmt.Errorf("cluster: a namespace of type %T: %w", in, err)
	}
	m.SetManagedFields(nil)
	m.SetAnnotations(nil)
	m.SetLabels(intern(m.GetLabels(), anyKey))
	return in, nil
}

// slimObject leaves of what the operator made its metadata, and a DaemonSet's status.
func slimObject(in any) (any, error) {
	m, err := meta.Accessor(in)
	if err != nil {
		return nil, fmt.Errorf("cluster: an object of type %T: %w", in, err)
	}
	m.SetManagedFields(nil)
	m.SetAnnotations(nil)
	if d, ok := in.(*appsv1.DaemonSet); ok {
		d.Spec = appsv1.DaemonSetSpec{}
	}
	return in, nil
}

func anyKey(string) bool { return true }

// podAnnotation is whether somebody looks at it: our own, and that of mirror pods.
func podAnnotation(key string) bool {
	return strings.Contains(key, v1alpha1.GroupVersion.Group) || key == corev1.MirrorPodAnnotationKey
}

// intern keeps some of the pairs, and of equal strings one: thousands of pods say
// the same few things.
func intern(from map[string]string, keep func(string) bool) map[string]string {
	if len(from) == 0 {
		return nil
	}
	to := map[string]string{}
	for k, v := range from {
		if keep(k) {
			to[unique.Make(k).Value()] = unique.Make(v).Value()
		}
	}
	if len(to) == 0 {
		return nil
	}
	return to
}
