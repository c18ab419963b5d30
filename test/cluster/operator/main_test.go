//go:build cluster

package operator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/test/cluster"
)

// system is the operator's namespace.
const system = "wayside-system"

// kube is the API server that all tests share, as its administrator sees it.
var kube client.WithWatch

// replicas are the two operators that all tests share.
var replicas [2]*replica

// door leads to those of them that are ready.
var door *balancer

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
		if errors.Is(err, cluster.ErrCannot) {
			code = 77
		}
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	defer cancel()
	folder, err := os.MkdirTemp("", "wayside-operator-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	root, err := cluster.Root()
	if err != nil {
		return 0, err
	}
	root = filepath.Join(root, "../..")

	server, err := cluster.StartFast(ctx, filepath.Join(folder, "apiserver"), cluster.FastOptions{Controllers: true, Oldest: os.Getenv("WAYSIDE_OLDEST") != ""})
	if err != nil {
		return 0, err
	}
	defer server.Stop()
	config, err := connect(server.Kubeconfig)
	if err != nil {
		return 0, err
	}
	if err := install(ctx, root); err != nil {
		return 0, err
	}
	kubeconfig := filepath.Join(folder, "operator.kubeconfig")
	if err := kubeconfigOf(ctx, config, kubeconfig); err != nil {
		return 0, err
	}

	program := filepath.Join(folder, "wayside-operator")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "./cmd/wayside-operator")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("building the operator: %w: %s", err, out)
	}
	if door, err = newBalancer(); err != nil {
		return 0, err
	}
	for i := range replicas {
		replicas[i] = &replica{program: program, kubeconfig: kubeconfig, log: filepath.Join(folder, fmt.Sprintf("operator-%d.log", i))}
		if err := replicas[i].start(); err != nil {
			return 0, err
		}
		defer replicas[i].stop()
		door.add(replicas[i])
	}
	for _, r := range replicas {
		if err := r.waitReady(ctx); err != nil {
			return 0, err
		}
	}
	code = m.Run()
	for _, r := range replicas {
		r.report(code != 0)
	}
	return code, nil
}

func connect(kubeconfig string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	kube, err = client.NewWithWatch(config, client.Options{Scheme: scheme})
	return config, err
}

// install applies what an installation has, but for the operator's own pods.
func install(ctx context.Context, root string) error {
	for _, file := range []string{
		"deploy/crd/wayside.dev_traceagents.yaml",
		"deploy/kubernetes/operator/namespace.yaml", "deploy/kubernetes/operator/serviceaccount.yaml", "deploy/kubernetes/operator/rbac.yaml",
	} {
		b, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return err
		}
		if err := applyAll(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	// The definition is served a moment after it has been made.
	return eventually(ctx, time.Minute, func() error { return kube.List(ctx, &v1alpha1.TraceAgentList{}) })
}

func applyAll(ctx context.Context, b []byte) error {
	d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(b), 4096)
	for {
		u := &unstructured.Unstructured{}
		if err := d.Decode(&u.Object); err != nil {
			if err.Error() == "EOF" {
				return nil
			}
			return err
		}
		if len(u.Object) == 0 {
			continue
		}
		if err := kube.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("test")); err != nil {
			return err
		}
	}
}

// kubeconfigOf writes how the operator's ServiceAccount reaches the API server.
func kubeconfigOf(ctx context.Context, admin *rest.Config, file string) error {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "wayside-operator"}}
	token := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(7200))}}
	if err := kube.SubResource("token").Create(ctx, account, token); err != nil {
		return err
	}
	c := clientcmdapi.NewConfig()
	c.Clusters["test"] = &clientcmdapi.Cluster{Server: admin.Host, CertificateAuthority: admin.CAFile, CertificateAuthorityData: admin.CAData}
	c.AuthInfos["operator"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	c.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "operator"}
	c.CurrentContext = "test"
	return clientcmd.WriteToFile(*c, file)
}

// eventually tries until there is no error, or returns the last one.
func eventually(ctx context.Context, patience time.Duration, try func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := try()
		if err == nil || time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func soon(t *testing.T, what string, try func() error) {
	t.Helper()
	if err := eventually(t.Context(), time.Minute, try); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// namespace makes one that is the test's own.
func namespace(t *testing.T, labels map[string]string) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-", Labels: labels}}
	if err := kube.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kube.Delete(context.Background(), ns) })
	soon(t, "its account", func() error {
		return kube.Get(t.Context(), client.ObjectKey{Namespace: ns.Name, Name: "default"}, &corev1.ServiceAccount{})
	})
	return ns.Name
}

func traceAgent(namespace, name string, strategy v1alpha1.Strategy) *v1alpha1.TraceAgent {
	return &v1alpha1.TraceAgent{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       v1alpha1.TraceAgentSpec{Strategy: strategy, Deliver: v1alpha1.Deliver{Endpoint: "collector:4317"}},
	}
}

func create(t *testing.T, o client.Object) {
	t.Helper()
	if err := kube.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kube.Delete(context.Background(), o); err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	})
}

func pod(namespace string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "app-"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app:1"}}},
	}
}

// agentIn is whether a pod has a sidecar.
func agentIn(p *corev1.Pod) bool {
	for _, c := range p.Spec.InitContainers {
		if c.Name == "wayside-agent" {
			return true
		}
	}
	return false
}

// settled waits until the operator has seen a TraceAgent: its webhook has then, too,
// or a moment later.
func settled(t *testing.T, ta *v1alpha1.TraceAgent) {
	t.Helper()
	soon(t, "its status", func() error {
		if err := kube.Get(t.Context(), client.ObjectKeyFromObject(ta), ta); err != nil {
			return err
		}
		if ta.Status.ObservedGeneration != ta.Generation {
			return fmt.Errorf("status of generation %d, want %d", ta.Status.ObservedGeneration, ta.Generation)
		}
		return nil
	})
	time.Sleep(200 * time.Millisecond)
}

func conditions(ta *v1alpha1.TraceAgent) string {
	var all []string
	for _, c := range ta.Status.Conditions {
		all = append(all, fmt.Sprintf("%s=%s/%s", c.Type, c.Status, c.Reason))
	}
	return strings.Join(all, " ")
}
