package certificate

import (
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

func TestSecret(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).Build()
	key := types.NamespacedName{Namespace: "wayside-system", Name: "wayside-operator-certificate"}
	a, b := &Secret{Client: c, Name: key, Replica: "a"}, &Secret{Client: c, Name: key, Replica: "b"}
	data := func(s string) map[string][]byte { return map[string][]byte{keyLeaf: []byte(s), keyLeafKey: []byte(s)} }

	if _, _, err := a.Load(t.Context()); !errors.Is(err, ErrMissing) {
		t.Fatal(err)
	}
	if err := a.Save(t.Context(), data("a"), ""); err != nil {
		t.Fatal(err)
	}
	// b has not seen it yet.
	if err := b.Save(t.Context(), data("b"), ""); !errors.Is(err, ErrConflict) {
		t.Errorf("the second to make it: %v", err)
	}
	got, version, err := b.Load(t.Context())
	if err != nil || string(got[keyLeaf]) != "a" || version == "" {
		t.Fatalf("%s, %s, %v", got, version, err)
	}
	if err := b.Save(t.Context(), data("b2"), version); err != nil {
		t.Fatal(err)
	}
	if err := a.Save(t.Context(), data("a2"), version); !errors.Is(err, ErrConflict) {
		t.Errorf("an older version: %v", err)
	}
	if err := c.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}); err != nil {
		t.Fatal(err)
	}
	if err := a.Save(t.Context(), data("a3"), version); !errors.Is(err, ErrConflict) {
		t.Errorf("one that was deleted: %v", err)
	}
}
