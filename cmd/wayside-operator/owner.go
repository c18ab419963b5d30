package main

import (
	"context"
	"log/slog"

	"sigs.k8s.io/controller-runtime/pkg/client"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/wayside-tracing/wayside/kube/cluster"
	"github.com/wayside-tracing/wayside/kube/webhook"
)

// owner is the operator's ClusterRole. The webhook object belongs to it, so that
// whoever removes the operator is rid of the webhook, too: nothing else that comes
// with an installation is cluster-wide and goes with it.
func owner(ctx context.Context, c client.Client, log *slog.Logger) webhook.Owner {
	role := cluster.Metadata(rbacv1.SchemeGroupVersion.WithKind("ClusterRole"))
	if err := c.Get(ctx, client.ObjectKey{Name: name}, role); err != nil {
		log.Warn("the webhook object has no owner: who removes the operator has to remove it, too", "cluster_role", name, "error", err)
		return webhook.Owner{}
	}
	return webhook.Owner{Name: role.Name, UID: string(role.UID)}
}
