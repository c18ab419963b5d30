package explain

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/wayside-tracing/wayside/internal/figures"
	"github.com/wayside-tracing/wayside/kube/inject"
)

// words are about the operator in one line.
func (o Operator) words() string {
	var s string
	switch {
	case o.Gone:
		s = "not installed"
	case !o.Seen:
		s = "not seen"
	default:
		s = fmt.Sprintf("%d of %d ready", o.Ready, o.Desired)
	}
	switch {
	case !o.WebhooksSeen:
		s += "; its webhook was not seen"
	case len(o.Webhooks) == 0:
		s += "; there is no webhook"
	default:
		s += "; its webhook is there"
	}
	return s
}

// troubles are why pods that are made now get nothing, or soon will.
func (o Operator) troubles(now time.Time) (list []Finding) {
	add := func(l Level, says string, then ...string) {
		list = append(list, Finding{Level: l, Says: says, Then: then})
	}
	switch {
	case o.Gone:
		add(Warn, "The operator is not installed, or not in the namespace where it was looked for",
			"Pods get nothing without it. docs/kubernetes.md says how it is installed; --operator-namespace names another namespace.")
	case o.Seen && o.Ready == 0:
		add(Bad, fmt.Sprintf("The operator is away: none of its %d pods is ready", o.Desired),
			"Pods that start now get nothing and start all the same. kubectl -n wayside-system get pods, and their logs, say more.")
	}
	if !o.WebhooksSeen {
		return list
	}
	if len(o.Webhooks) == 0 {
		if !o.Gone {
			add(Bad, "The operator's webhook is not there: the API server asks nobody when a pod is made",
				"The operator makes it when it starts; its log says why it couldn't.")
		}
		return list
	}
	if why := bundle(o.Webhooks[0].ClientConfig.CABundle, now); why != "" {
		add(Bad, "The webhook's certificate can't be trusted: "+why,
			"The API server does not call it then, and pods start without anything. The operator renews it by itself while it runs: its log says why it couldn't.")
	} else if o.Handshake != "" {
		add(Bad, "The webhook can't be called: "+o.Handshake,
			"Pods start without anything. The operator's log says more; deleting its pods makes it begin anew.")
	}
	return list
}

// bundle says what is wrong with the authorities that the API server is told to
// trust.
func bundle(pemBytes []byte, now time.Time) string {
	if len(pemBytes) == 0 {
		return "no authority is named in it (caBundle is empty)"
	}
	var last time.Time
	for block, rest := pem.Decode(pemBytes); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return "caBundle can't be read: " + err.Error()
		}
		if c.NotAfter.After(last) {
			last = c.NotAfter
		}
	}
	switch {
	case last.IsZero():
		return "caBundle holds no certificate"
	case !now.Before(last):
		return "its authority ended " + figures.Age(now.Sub(last)) + " ago"
	}
	return ""
}

// asksAbout says whether the API server asks the operator about such a pod:
// kube-system and the operator's own namespace are left out. Without having seen
// the webhooks, it says yes.
func (o Operator) asksAbout(pod, namespace map[string]string) bool {
	if !o.WebhooksSeen || len(o.Webhooks) == 0 || namespace == nil {
		return true
	}
	for _, w := range o.Webhooks {
		if matches(w.NamespaceSelector, namespace) && matches(w.ObjectSelector, pod) {
			return true
		}
	}
	return false
}

// matches follows webhooks: no selector is everything.
func matches(s *metav1.LabelSelector, of map[string]string) bool {
	if s == nil {
		return true
	}
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && selector.Matches(labels.Set(of))
}

// readOptions takes from the operator's arguments what decisions depend on, as
// cmd/wayside-operator reads them. What else is there is the operator's business.
func readOptions(c corev1.Container, namespace string) (o inject.Options) {
	agent := "default"
	o.DaemonSetNamespaces = []string{namespace}
	args := slices.Concat(c.Command, c.Args)
	for i, arg := range args {
		name, value, given := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !given && i+1 < len(args) {
			value = args[i+1]
		}
		switch name {
		case "daemonset-namespaces":
			o.DaemonSetNamespaces = nil
			for n := range strings.SplitSeq(value, ",") {
				if n = strings.TrimSpace(n); n != "" {
					o.DaemonSetNamespaces = append(o.DaemonSetNamespaces, n)
				}
			}
		case "default-agent":
			agent = value
		case "image":
			o.Image = value
		case "image-pull-policy":
			o.ImagePullPolicy = corev1.PullPolicy(value)
		}
	}
	o.Default = defaultAgent(agent, namespace)
	return o
}

// defaultAgent reads NAMESPACE/NAME, or NAME in the operator's own namespace.
func defaultAgent(s, namespace string) types.NamespacedName {
	switch ns, name, both := strings.Cut(s, "/"); {
	case s == "":
		return types.NamespacedName{}
	case both:
		return types.NamespacedName{Namespace: ns, Name: name}
	}
	return types.NamespacedName{Namespace: namespace, Name: s}
}
