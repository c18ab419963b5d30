package webhook

import (
	"context"
	"encoding/base64"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

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

// Labels are on what the operator makes for itself.
func Labels() map[string]string {
	return map[string]string{
		"app.kubernetes.io/name":       "wayside-operator",
		"app.kubernetes.io/part-of":    "wayside",
		"app.kubernetes.io/managed-by": "wayside-operator",
	}
}

// LeftOut are the namespaces in which API servers don't ask about pods.
func (o Object) LeftOut() []string { return []string{"kube-system", o.Namespace} }

// Configuration is the object, for server-side apply. Bundle is PEM.
//
// There are two webhooks in it, of which each pod is for at most one: pods that say
// themselves what they want, and the others, whose namespace may say that it
// wants nothing. So API servers ask about no pod that has declined, and about none in
// kube-system or in the operator's own namespace: what the cluster and the operator
// are made of starts without the operator.
func (o Object) Configuration(bundle []byte) *unstructured.Unstructured {
	notOurs := map[string]any{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": anys(o.LeftOut())}
	declined := map[string]any{"key": v1alpha1.LabelInject, "operator": "NotIn", "values": []any{v1alpha1.InjectFalse}}
	labels := map[string]any{}
	for k, v := range Labels() {
		labels[k] = v
	}
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "admissionregistration.k8s.io/v1",
		"kind":       "MutatingWebhookConfiguration",
		"metadata": map[string]any{
			"name":   o.Name,
			"labels": labels,
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

// Apply makes the object what it is to be.
func (o Object) Apply(ctx context.Context, c client.Client, bundle []byte) error {
	return c.Apply(ctx, client.ApplyConfigurationFromUnstructured(o.Configuration(bundle)), client.FieldOwner("wayside-operator"), client.ForceOwnership)
}

func (o Object) webhook(name string, bundle []byte, namespaces, pods []any) map[string]any {
	config := map[string]any{"caBundle": base64.StdEncoding.EncodeToString(bundle)}
	if o.URL != "" {
		config["url"] = o.URL
	} else {
		config["service"] = map[string]any{"namespace": o.Namespace, "name": o.Service, "port": o.Port, "path": Path}
	}
	return map[string]any{
		"name":         name,
		"clientConfig": config,
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

func anys(list []string) (a []any) {
	for _, s := range list {
		a = append(a, s)
	}
	return a
}
