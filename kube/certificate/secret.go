package certificate

import (
	"context"
	"encoding/base64"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Secret is a Store in the API server.
type Secret struct {
	// Client asks the API server and no cache: the operator watches no Secrets.
	Client client.Client
	Name   types.NamespacedName
	Labels map[string]string
	// Replica is another in each.
	Replica string
}

// Load is for Store. Versions are the API server's, which gives none twice.
func (s *Secret) Load(ctx context.Context) (map[string][]byte, string, error) {
	var secret corev1.Secret
	if err := s.Client.Get(ctx, s.Name, &secret); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, "", ErrMissing
		}
		return nil, "", err
	}
	return secret.Data, secret.ResourceVersion, nil
}

// Save is for Store.
func (s *Secret) Save(ctx context.Context, data map[string][]byte, version string) error {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Name.Namespace, Name: s.Name.Name, Labels: s.Labels, ResourceVersion: version},
		Type:       corev1.SecretTypeTLS,
		Data:       data,
	}
	var err error
	if version == "" {
		err = s.create(ctx, data)
	} else {
		err = s.Client.Update(ctx, secret)
	}
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err) {
		return ErrConflict
	}
	return err
}

// create makes it by server-side apply, which needs permission for this one name
// alone; a plain creation would need it for any Secret. Where another replica has
// made it meanwhile, its data are that replica's, and this is a conflict.
func (s *Secret) create(ctx context.Context, data map[string][]byte) error {
	encoded := map[string]any{}
	for k, v := range data {
		encoded[k] = base64.StdEncoding.EncodeToString(v)
	}
	labels := map[string]any{}
	for k, v := range s.Labels {
		labels[k] = v
	}
	return s.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": string(corev1.SecretTypeTLS), "data": encoded,
		"metadata": map[string]any{"namespace": s.Name.Namespace, "name": s.Name.Name, "labels": labels},
	}}), client.FieldOwner("wayside-operator-"+s.Replica))
}
