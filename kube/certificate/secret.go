package certificate

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Secret is a Store in the API server.
type Secret struct {
	// Client asks the API server and no cache: the operator watches no Secrets.
	Client client.Client
	Name   types.NamespacedName
	Labels map[string]string
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
		err = s.Client.Create(ctx, secret)
	} else {
		err = s.Client.Update(ctx, secret)
	}
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err) {
		return ErrConflict
	}
	return err
}
