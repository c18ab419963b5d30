package webhook

import (
	"encoding/base64"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// timeoutSeconds is how long an API server waits for an answer.
const timeoutSeconds = 2

// Object says how API servers reach the webhook, and for which pods they ask.
type Object struct {
	// Name is the object's.
	Name string
	// Namespace and Service lead to the operator; Port is the Service's.
	Namespace, Service string
	Port               int64
	// URL leads to an operator outside of the cluster, in place of a Service.
	URL string
	// Owner is a ClusterRole with which the object goes; none if its UID is "".
	Owner Owner
}

// Owner is a cluster-wide object.
type Owner struct{ Name, UID string }

// Configuration is the object, for server-side apply. Bundle is PEM.
//
// There are two webhooks in it, of which each pod is for at most one: pods that say
// themselves what they want, and the others, whose namespace may say that it
// wants nothing. So API servers ask about no pod that has declined, and about none in
// kube-system or in the operator's own namespace: what the cluster and the operator
// are made of starts without the operator.
func (o Object) Configuration(bundle []byte) *unstructured.Unstructured {
	notOurs := map[string]any{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": []any{"kube-system", o.Namespace}}
	declined := map[string]any{"key": v1alpha1.LabelInject, "operator": "NotIn", "values": []any{v1alpha1.InjectFalse}}
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "admissionregistration.k8s.io/v1",
		"kind":       "MutatingWebhookConfiguration",
		"metadata": map[string]any{
			"name": o.Name,
			"labels": map[string]any{
				"app.kubernetes.io/name":       "wayside-operator",
				"app.kubernetes.io/part-of":    "wayside",
				"app.kubernetes.io/managed-by": "wayside-operator",
			},
		},
		"webhooks": []any{
			o.webhook("labelled."+v1alpha1.GroupVersion.Group, bundle,
				[]any{notOurs},
				[]any{map[string]any{"key": v1alpha1.LabelInject, "operator": "Exists"}, declined}),
			o.webhook("pods."+v1alpha1.GroupVersion.Group, bundle,
				[]any{notOurs, declined},
				[]any{map[string]any{"key": v1alpha1.LabelInject, "operator": "DoesNotExist"}}),
		},
	}}
	if o.Owner.UID != "" {
		u.Object["metadata"].(map[string]any)["ownerReferences"] = []any{map[string]any{
			"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "name": o.Owner.Name, "uid": o.Owner.UID,
		}}
	}
	return u
}

func (o Object) webhook(name string, bundle []byte, namespaces, pods []any) map[string]any {
	client := map[string]any{"caBundle": base64.StdEncoding.EncodeToString(bundle)}
	if o.URL != "" {
		client["url"] = o.URL
	} else {
		client["service"] = map[string]any{"namespace": o.Namespace, "name": o.Service, "port": o.Port, "path": Path}
	}
	return map[string]any{
		"name":         name,
		"clientConfig": client,
		"rules": []any{map[string]any{
			"apiGroups": []any{""}, "apiVersions": []any{"v1"}, "resources": []any{"pods"},
			"operations": []any{"CREATE"}, "scope": "Namespaced",
		}},
		"namespaceSelector": map[string]any{"matchExpressions": namespaces},
		"objectSelector":    map[string]any{"matchExpressions": pods},
		// What can have no agent is not asked about: the mirrors of pods that a
		// kubelet has by itself, and Windows.
		"matchConditions": []any{
			map[string]any{"name": "not-a-mirror", "expression": "!has(object.metadata.annotations) || !('kubernetes.io/config.mirror' in object.metadata.annotations)"},
			map[string]any{"name": "not-windows", "expression": "!has(object.spec.os) || object.spec.os.name != 'windows'"},
		},
		"failurePolicy":           "Ignore",
		"matchPolicy":             "Equivalent",
		"reinvocationPolicy":      "IfNeeded", // another webhook may add what the agent has to be put after
		"sideEffects":             "NoneOnDryRun",
		"timeoutSeconds":          int64(timeoutSeconds),
		"admissionReviewVersions": []any{"v1"},
	}
}
