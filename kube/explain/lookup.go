package explain

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/apiserver"
)

// What the operator is found by.
const (
	operatorLabel = "app.kubernetes.io/name=wayside-operator"
	webhookPath   = "/mutate-pods"
	webhookPort   = 9443
)

// operator reads the operator's Deployment, and from its arguments what it was
// told.
func (g *gatherer) operator(ctx context.Context) {
	ref := apiserver.Ref{Kind: kindOf("deployment"), Namespace: g.opt.OperatorNamespace}
	list, err := apiserver.List[appsv1.Deployment](ctx, g.c, ref, apiserver.Select{Labels: operatorLabel})
	o := &g.f.Operator
	switch {
	case err != nil:
		g.gap("the operator, and how it was started", err)
		return
	case len(list) == 0:
		o.Gone = true
		return
	}
	d := list[0]
	o.Seen, o.Ready, o.Desired = true, d.Status.ReadyReplicas, 1
	if d.Spec.Replicas != nil {
		o.Desired = *d.Spec.Replicas
	}
	for _, c := range d.Spec.Template.Spec.Containers {
		if strings.Contains(c.Image, "wayside-operator") || len(d.Spec.Template.Spec.Containers) == 1 {
			g.mu.Lock()
			had := o.Options
			o.Options = readOptions(c, g.opt.OperatorNamespace)
			o.Options.NativeSidecars, o.Options.SleepAction = had.NativeSidecars, had.SleepAction
			g.mu.Unlock()
		}
	}
}

// version is what the operator finds out of the API server for itself.
func (g *gatherer) version(ctx context.Context) {
	major, minor, err := g.c.Version(ctx)
	if err != nil {
		g.gap("the version of the API server", err)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.f.Operator.Options.NativeSidecars = major > 1 || minor >= 29
	g.f.Operator.Options.SleepAction = major > 1 || minor >= 30
}

// webhooks finds the operator's among all, by its path or label.
func (g *gatherer) webhooks(ctx context.Context) {
	ref := apiserver.Ref{Kind: apiserver.Kind{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"}}
	list, err := apiserver.List[admissionv1.MutatingWebhookConfiguration](ctx, g.c, ref, apiserver.Select{})
	if err != nil {
		g.gap("the operator's webhook", err)
		return
	}
	g.f.Operator.WebhooksSeen = true
	for _, c := range list {
		for _, w := range c.Webhooks {
			service := w.ClientConfig.Service
			ours := service != nil && service.Namespace == g.opt.OperatorNamespace && service.Path != nil && *service.Path == webhookPath
			if ours || c.Labels["app.kubernetes.io/name"] == "wayside-operator" {
				g.f.Operator.Webhooks = append(g.f.Operator.Webhooks, w)
			}
		}
	}
}

// handshake finds out whether the operator shows a certificate that the API
// server would trust, if some pod got nothing that somebody wants to have
// something. It needs a forwarded port; without the permission nothing is said.
func (g *gatherer) handshake(ctx context.Context) {
	o := &g.f.Operator
	if len(o.Webhooks) == 0 || o.Webhooks[0].ClientConfig.Service == nil || o.Ready == 0 || !slices.ContainsFunc(g.f.Pods, func(p *corev1.Pod) bool {
		return p.Labels[v1alpha1.LabelInjected] == "" && g.f.decide(p).Asked
	}) {
		return
	}
	pods, err := apiserver.List[corev1.Pod](ctx, g.c, apiserver.Ref{Kind: podKind, Namespace: g.opt.OperatorNamespace}, apiserver.Select{Labels: operatorLabel})
	if err != nil {
		g.gap("whether the webhook's certificate is good", err)
		return
	}
	for _, p := range pods {
		if rankOf(p) != 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		stream, closeAll, err := g.c.Forward(ctx, p.Namespace, p.Name, webhookPort)
		if err != nil {
			g.gap("whether the webhook's certificate is good", err)
			return
		}
		defer closeAll()
		s := o.Webhooks[0].ClientConfig.Service
		if why := shake(ctx, stream, s.Name+"."+s.Namespace+".svc", o.Webhooks[0].ClientConfig.CABundle, g.f.Now); why != "" {
			o.Handshake = fmt.Sprintf("pod %s %s", p.Name, why)
			return
		}
	}
}

// shake is a TLS handshake as the API server does it; "" is a good one.
func shake(ctx context.Context, stream io.ReadWriteCloser, host string, bundle []byte, now time.Time) string {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	conn := tls.Client(notNet{stream}, &tls.Config{ServerName: host, RootCAs: roots, Time: func() time.Time { return now }})
	err := conn.HandshakeContext(ctx)
	if invalid, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "shows a certificate that the API server does not trust: " + invalid.Err.Error()
	}
	if err != nil {
		return "does not answer: " + err.Error()
	}
	return ""
}

// notNet makes a stream a connection without addresses and deadlines: closing
// the stream ends what waits on it.
type notNet struct{ io.ReadWriteCloser }

func (notNet) LocalAddr() net.Addr              { return nil }
func (notNet) RemoteAddr() net.Addr             { return nil }
func (notNet) SetDeadline(time.Time) error      { return nil }
func (notNet) SetReadDeadline(time.Time) error  { return nil }
func (notNet) SetWriteDeadline(time.Time) error { return nil }

func split(s string) (namespace, name string) {
	namespace, name, _ = strings.Cut(s, "/")
	return namespace, name
}
