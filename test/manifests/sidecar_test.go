package manifests

import (
	"path/filepath"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/render"
)

// example is the app of deploy/kubernetes/sidecar: it sends one trace a second.
const example = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: example
  namespace: wayside-example
  labels: {app.kubernetes.io/name: example}
spec:
  replicas: 1
  selector: {matchLabels: {app.kubernetes.io/name: example}}
  template:
    metadata:
      labels: {app.kubernetes.io/name: example}
    spec:
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        seccompProfile: {type: RuntimeDefault}
      containers:
        - name: app
          image: ghcr.io/open-telemetry/opentelemetry-collector-contrib/telemetrygen:v0.128.0
          args: [traces, --otlp-http, --otlp-insecure, "--otlp-endpoint=127.0.0.1:4318", --rate=1, --duration=8760h]
          resources:
            requests: {cpu: 10m, memory: 64Mi}
            limits: {memory: 64Mi}
          securityContext:
            allowPrivilegeEscalation: false
            capabilities: {drop: [ALL]}
            readOnlyRootFilesystem: true
`

func TestSidecarIsCurrent(t *testing.T) {
	ta := new(v1alpha1.TraceAgent)
	ta.Name, ta.Namespace = "agent", "wayside-example"
	ta.Spec.Strategy = v1alpha1.Sidecar
	ta.Spec.Deliver.Endpoint = "collector.observability:4317"

	d := new(appsv1.Deployment)
	if err := yaml.UnmarshalStrict([]byte(example), d); err != nil {
		t.Fatal(err)
	}
	spec := &d.Spec.Template.Spec
	spec.InitContainers = []corev1.Container{render.Container(ta, options)}
	spec.Volumes = render.Volumes(ta, ta.Namespace)
	spec.Containers[0].Env = render.Environment(ta, ta.Namespace, spec.Containers[0].Name)

	dir := deploy + "/kubernetes/sidecar"
	current(t, filepath.Join(dir, "deployment.yaml"), manifest(t, d))
	current(t, filepath.Join(dir, "agent.yaml"), agentYAML(t, ta,
		"# The agent takes up what is changed here by itself, but for buffer.disk, control, admin\n"+
			"# and log: these need a restart. docs/configuration.md has every key.\n"))
}
