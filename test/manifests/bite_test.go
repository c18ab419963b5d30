package manifests

import (
	"strings"
	"testing"
)

// Each check finds a made-up breach of what it is for: a change to the DaemonSet, or
// to what stands beside it.
func TestChecksBite(t *testing.T) {
	for _, c := range []struct {
		check, overlay, old, new, want string
	}{
		{"namespaces", "alerts", "  namespace: wayside\nspec:\n  selector:", "spec:\n  selector:", "has no namespace"},
		{"namespaces", "alerts", "  namespace: wayside\nspec:\n  selector:", "  namespace: other\nspec:\n  selector:", "that is not made"},
		{"labels", "alerts", "part-of: wayside", "part-of: other", "is part of"},
		{"pod security", "alerts", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "breaks restricted"},
		{"pod security", "alerts", "enforce: restricted", "enforce: privileged", "need restricted alone"},
		{"pod security", "host-port", "enforce: privileged", "enforce: baseline", "breaks baseline"},
		{"resources", "alerts", "limits:\n            cpu: \"1\"\n            memory: 64Mi", "limits:\n            cpu: \"1\"", "no limit of memory"},
		{"selectors", "alerts", "matchLabels:\n      app.kubernetes.io/name: wayside-agent", "matchLabels:\n      app.kubernetes.io/name: other", "select its own pods"},
		{"services", "alerts", "targetPort: otlp-http", "targetPort: otlp", "no container has port otlp"},
		{"services", "alerts", "  selector:\n    app.kubernetes.io/name: wayside-agent\n", "  selector:\n    app.kubernetes.io/name: other\n", "0 workloads"},
		{"network policies", "network-policy", "port: otlp-grpc", "port: otlp-http", "lets nobody to port otlp-grpc"},
		{"monitors", "pod-monitor", "port: wayside-admin\n", "port: admin\n", "no container has port admin"},
		{"service accounts", "alerts", "serviceAccountName: wayside-agent", "serviceAccountName: other", "which is not made"},
		{"service accounts", "alerts", "automountServiceAccountToken: false\n      containers", "automountServiceAccountToken: true\n      containers", "token"},
		{"agents' arguments", "alerts", "- --degraded", "- --check", "--degraded"},
		{"agents' arguments", "alerts", "mountPath: /etc/wayside/config", "mountPath: /etc/wayside/config\n          subPath: x", "subPath"},
		{"images can be pinned", "alerts", "image: wayside-agent:dev", "image: wayside-agent:latest", "on that day"},
		{"nothing secret", "alerts", "kind: Namespace", "kind: Secret", "in a manifest"},
	} {
		r := kustomize(t, "overlays/"+c.overlay)
		text := strings.ReplaceAll(string(r.text), c.old, c.new)
		if text == string(r.text) {
			t.Errorf("%s: %q is not in overlay %s: this breach is none", c.check, c.old, c.overlay)
			continue
		}
		findings := strings.Join(checks[c.check](decode(t, c.check, []byte(text))), "\n")
		if !strings.Contains(findings, c.want) {
			t.Errorf("%s: with %q in place of %q it found %q, want something with %q", c.check, c.new, c.old, findings, c.want)
		}
	}
}

// A field that a type does not have is found where it is read.
func TestUnknownFieldsAreRefused(t *testing.T) {
	for _, text := range []string{
		"apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {internalTrafficpolicy: Local}",
		"apiVersion: wayside.dev/v1alpha1\nkind: TraceAgent\nmetadata: {name: a}\nspec: {stategy: Sidecar}",
		"apiVersion: security.openshift.io/v1\nkind: SecurityContextConstraints\nmetadata: {name: a}\nallowHostPort: true",
		"apiVersion: v1\nkind: Servise\nmetadata: {name: a}",
	} {
		if _, _, err := strict.Decode([]byte(text), nil, nil); err == nil {
			t.Errorf("it was taken:\n%s", text)
		}
	}
}
