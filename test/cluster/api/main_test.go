//go:build cluster

package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/test/cluster"
)

// server is an API server that all tests ask.
type server struct {
	client.Client
	oldest  bool
	kubectl string
}

// servers are by the name of their version.
var servers = map[string]*server{"newest": {}, "oldest": {oldest: true}}

// root is the project's folder.
const root = "../../.."

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Minute)
	defer cancel()
	folder, err := os.MkdirTemp("", "wayside-api-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	var all sync.WaitGroup
	errs := make([]error, len(servers))
	for i, name := range []string{"newest", "oldest"} {
		all.Go(func() {
			s := servers[name]
			fast, err := cluster.StartFast(ctx, filepath.Join(folder, name), cluster.FastOptions{Oldest: s.oldest})
			if err != nil {
				errs[i] = fmt.Errorf("%s: %w", name, err)
				return
			}
			context.AfterFunc(ctx, fast.Stop)
			s.kubectl = fast.Kubectl
			errs[i] = s.connect(ctx, fast.Kubeconfig)
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// connect makes a client, and makes TraceAgents known.
func (s *server) connect(ctx context.Context, kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 200, 400
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	if s.Client, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	files, err := filepath.Glob(root + "/deploy/crd/*.yaml")
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no CRD in deploy/crd: %w", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		for _, u := range objects(string(text)) {
			if err := s.apply(ctx, u); err != nil {
				return fmt.Errorf("%s: %w", f, err)
			}
		}
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		err := s.List(ctx, &v1alpha1.TraceAgentList{})
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("TraceAgents are not served: %w", err)
		}
	}
}

// objects of a manifest. It panics where it is no YAML.
func objects(manifest string) (list []*unstructured.Unstructured) {
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096)
	for {
		u := &unstructured.Unstructured{}
		if err := decoder.Decode(u); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			panic(fmt.Sprintf("%v in\n%s", err, manifest))
		}
		if len(u.Object) > 0 {
			list = append(list, u)
		}
	}
}

// apply applies an object as kubectl apply --server-side --validate=strict does.
func (s *server) apply(ctx context.Context, u *unstructured.Unstructured, options ...client.ApplyOption) error {
	return s.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), append(options, client.FieldOwner("test"), client.ForceOwnership)...)
}

// namespace makes one with labels, and the account that pods of it need.
func (s *server) namespace(t *testing.T, name string, labels map[string]string) {
	t.Helper()
	ns := &corev1.Namespace{}
	ns.Name, ns.Labels = name, labels
	account := &corev1.ServiceAccount{}
	account.Name, account.Namespace = "default", name
	for _, o := range []client.Object{ns, account} {
		if err := s.Create(t.Context(), o); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
}

// each runs a test against every server.
func each(t *testing.T, test func(*testing.T, *server)) {
	for name := range maps.Keys(servers) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, servers[name])
		})
	}
}
