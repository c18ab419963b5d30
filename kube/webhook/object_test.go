package webhook

import (
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

func decodeObject(t *testing.T, o Object) *admissionregistrationv1.MutatingWebhookConfiguration {
	t.Helper()
	var c admissionregistrationv1.MutatingWebhookConfiguration
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Configuration([]byte("PEM")).Object, &c, true); err != nil {
		t.Fatal(err)
	}
	return &c
}

var testObject = Object{Name: "wayside", Namespace: "wayside-system", Service: "wayside-operator", Port: 443, Owner: Owner{Name: "wayside-operator", UID: "1234"}}

func TestConfiguration(t *testing.T) {
	c := decodeObject(t, testObject)
	if len(c.OwnerReferences) != 1 || c.OwnerReferences[0].UID != "1234" {
		t.Errorf("owners %v", c.OwnerReferences)
	}
	if len(c.Webhooks) != 2 {
		t.Fatalf("%d webhooks, want 2", len(c.Webhooks))
	}
	for _, w := range c.Webhooks {
		if *w.FailurePolicy != admissionregistrationv1.Ignore || *w.TimeoutSeconds != 2 ||
			*w.ReinvocationPolicy != admissionregistrationv1.IfNeededReinvocationPolicy || string(w.ClientConfig.CABundle) != "PEM" {
			t.Errorf("%+v", w)
		}
		if s := w.ClientConfig.Service; s == nil || s.Name != "wayside-operator" || s.Namespace != "wayside-system" || *s.Path != Path || w.ClientConfig.URL != nil {
			t.Errorf("%s is reached by %+v", w.Name, w.ClientConfig)
		}
	}
	o := testObject
	o.URL, o.Owner = "https://127.0.0.1:9443"+Path, Owner{}
	c = decodeObject(t, o)
	if w := c.Webhooks[0].ClientConfig; w.Service != nil || *w.URL != o.URL || c.OwnerReferences != nil {
		t.Errorf("%+v", c)
	}
}

// Which webhook API servers ask about which pod.
func TestWhichPodsAreAskedAbout(t *testing.T) {
	c := decodeObject(t, testObject)
	const none, labelled, pods = "", "labelled.wayside.dev", "pods.wayside.dev"
	for _, test := range []struct{ namespace, namespaceLabel, podLabel, want string }{
		{"shop", "", "", pods},
		{"shop", "true", "", pods},
		{"shop", "false", "", none},
		{"shop", "", "true", labelled},
		{"shop", "", "team-b", labelled},
		{"shop", "", "false", none},
		{"shop", "false", "true", labelled}, // the pod's label comes first
		{"shop", "true", "false", none},
		{"kube-system", "", "true", none},
		{"kube-system", "true", "", none},
		{"wayside-system", "", "", none},
		{"wayside-system", "", "true", none},
	} {
		var got []string
		for _, w := range c.Webhooks {
			if matches(t, w.NamespaceSelector, test.namespaceLabel, "kubernetes.io/metadata.name", test.namespace) && matches(t, w.ObjectSelector, test.podLabel, "app", "x") {
				got = append(got, w.Name)
			}
		}
		if test.want == none && len(got) != 0 || test.want != none && (len(got) != 1 || got[0] != test.want) {
			t.Errorf("%+v: asked by %v", test, got)
		}
	}
}

func matches(t *testing.T, s *metav1.LabelSelector, inject, key, value string) bool {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		t.Fatal(err)
	}
	set := labels.Set{key: value}
	if inject != "" {
		set[v1alpha1.LabelInject] = inject
	}
	return selector.Matches(set)
}
