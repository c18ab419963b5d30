//go:build cluster

package nodes

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/test/cluster"
)

// system is the operator's namespace.
const system = "wayside-system"

// installOperator does as the manual says.
func installOperator(ctx context.Context, c *cluster.Cluster) error {
	root, err := cluster.Root()
	if err != nil {
		return err
	}
	for _, args := range [][]string{
		{"apply", "--server-side", "--force-conflicts", "-k", filepath.Join(root, "../../deploy/kubernetes/operator")},
		{"-n", system, "delete", "pods", "--all", "--wait=false"}, // of an earlier image, in a cluster that stays
		{"-n", system, "rollout", "status", "--timeout=3m", "deployment/wayside-operator"},
	} {
		cmd := exec.CommandContext(ctx, filepath.Join(c.Plan.Kubernetes, "kubectl"), append([]string{"--kubeconfig", c.Kubeconfig}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("installing the operator: %w: %s", err, out)
		}
	}
	return nil
}

// traceAgent makes one called default, with a spec as YAML, and waits until the operator has taken it up.
func (s *space) traceAgent(spec string) { s.traceAgentIn(s.name, "default", spec) }

func (s *space) traceAgentIn(namespace, name, spec string) {
	s.Helper()
	s.applyText(fmt.Sprintf("{apiVersion: wayside.dev/v1alpha1, kind: TraceAgent, metadata: {name: %q, namespace: %q}, spec: %s}", name, namespace, spec))
	s.await("TraceAgent "+name, func() error {
		ta := &v1alpha1.TraceAgent{}
		if err := kube.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: name}, ta); err != nil {
			return err
		}
		if ta.Status.ObservedGeneration != ta.Generation || !meta.IsStatusConditionTrue(ta.Status.Conditions, v1alpha1.ConditionReady) {
			return fmt.Errorf("%+v", ta.Status)
		}
		return nil
	})
}

// traceAgentStatus is of the TraceAgent default.
func (s *space) traceAgentStatus() v1alpha1.TraceAgentStatus {
	s.Helper()
	ta := &v1alpha1.TraceAgent{}
	if err := kube.Get(s.Context(), s.key("default"), ta); err != nil {
		s.Fatal(err)
	}
	return ta.Status
}

// scale sets how many replicas a Deployment has.
func scale(ctx context.Context, namespace, name string, replicas int32) error {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := kube.Get(ctx, client.ObjectKeyFromObject(d), d); err != nil {
		return err
	}
	patch := client.MergeFrom(d.DeepCopy())
	d.Spec.Replicas = &replicas
	return kube.Patch(ctx, d, patch)
}

// injected fails the test unless a pod has a sidecar; it returns the names of its init containers in order.
func (s *space) injected(p corev1.Pod) (inits []string) {
	s.Helper()
	for _, c := range p.Spec.InitContainers {
		inits = append(inits, c.Name)
	}
	if p.Labels[v1alpha1.LabelInjected] != "sidecar" {
		s.Errorf("%s was not injected: %s", p.Name, p.Annotations[v1alpha1.AnnotationReason])
	}
	return inits
}

// told waits until what both clients of a pod have sent has come, under the pod's and the node's name.
func (c *collector) told(p corev1.Pod, spans int) {
	c.Helper()
	for _, service := range []string{"otel", "jaeger"} {
		c.has(spans, map[string]string{
			"service.name": service, "k8s.pod.name": p.Name, "k8s.node.name": p.Spec.NodeName, "k8s.namespace.name": p.Namespace,
		})
	}
}

// object is one to be deleted.
func object(apiVersion, kind, namespace, name string) client.Object {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	u.SetNamespace(namespace)
	u.SetName(name)
	return u
}

func inNamespace(name string) client.ListOption { return client.InNamespace(name) }

func labelled(key, value string) client.ListOption { return client.MatchingLabels{key: value} }

// readyAre returns an error unless so many pods are there, and all are ready.
func readyAre(pods []corev1.Pod, n int) error {
	ready := 0
	for _, p := range pods {
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue && p.DeletionTimestamp == nil {
				ready++
			}
		}
	}
	if ready != n || len(pods) != n {
		return fmt.Errorf("%d of %d pods are ready, want %d", ready, len(pods), n)
	}
	return nil
}

// gone returns an error as long as an object is there.
func gone(ctx context.Context, o client.Object) error {
	err := kube.Get(ctx, client.ObjectKeyFromObject(o), o)
	if apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("%s is there: %v", o.GetName(), err)
}

// forward leads to an agent's admin port on its pod's loopback, by kubectl. What it returns asks for the account.
func (s *space) forward(pod string) func() ledger.Lane {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), kube.kubectl, "--kubeconfig", kube.kubeconfig, "-n", s.name, "port-forward", pod, ":14271")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = cmd.Wait() }) // it ends with the test's context
	line, err := bufio.NewReader(out).ReadString('\n')
	at := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(line)
	if at == "" {
		s.Fatalf("kubectl port-forward says %q, %v", line, err)
	}
	return func() ledger.Lane {
		s.Helper()
		request, err := http.NewRequestWithContext(s.Context(), http.MethodGet, "http://"+at+"/status", http.NoBody)
		if err != nil {
			s.Fatal(err)
		}
		request.Header.Set("Accept", "application/json")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			s.Fatal(err)
		}
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		if err != nil {
			s.Fatal(err)
		}
		return s.read(pod, b)
	}
}
