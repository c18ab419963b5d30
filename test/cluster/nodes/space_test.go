//go:build cluster

package nodes

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

//go:embed testdata
var testdata embed.FS

// patience is how long what should happen is waited for. Everything runs at
// once on two cores.
const patience = 4 * time.Minute

// Standards of pod security.
const (
	restricted = "restricted"
	privileged = "privileged"
)

// space is a namespace of Kubernetes, of a test's own.
type space struct {
	*testing.T
	name string
}

// newSpace makes one that enforces a standard, and removes it at the end.
func newSpace(t *testing.T, standard string) *space {
	t.Helper()
	ns := &corev1.Namespace{}
	ns.GenerateName = strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(strings.TrimPrefix(t.Name(), "Test"))) + "-"
	ns.Labels = map[string]string{"pod-security.kubernetes.io/enforce": standard}
	if err := kube.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	s := &space{t, ns.Name}
	t.Cleanup(func() {
		if t.Failed() {
			s.tell()
		}
		if err := kube.Delete(context.Background(), ns); err != nil {
			t.Error(err)
		}
	})
	s.await("service account", func() error {
		return kube.Get(t.Context(), s.key("default"), &corev1.ServiceAccount{})
	})
	return s
}

func (s *space) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: s.name, Name: name}
}

// values are for a manifest's template.
type values map[string]any

// apply applies a manifest of testdata: a template, with the namespace as
// .Namespace beside the values.
func (s *space) apply(manifest string, v values) {
	s.Helper()
	all := values{"Namespace": s.name}
	maps.Copy(all, v)
	var b bytes.Buffer
	t, err := template.ParseFS(testdata, "testdata/*.yaml")
	if err == nil {
		err = t.ExecuteTemplate(&b, manifest, all)
	}
	if err != nil {
		s.Fatal(err)
	}
	if strings.Contains(b.String(), "<no value>") {
		s.Fatalf("%s lacks a value:\n%s", manifest, b.String())
	}
	s.applyText(b.String())
}

// applyText applies a manifest, whose objects are put into this namespace, unless
// they name one.
func (s *space) applyText(manifest string) {
	s.Helper()
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096)
	for {
		u := &unstructured.Unstructured{}
		if err := decoder.Decode(u); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			s.Fatalf("%v in\n%s", err, manifest)
		}
		if len(u.Object) == 0 {
			continue
		}
		if u.GetNamespace() == "" {
			u.SetNamespace(s.name)
		}
		if err := kube.Apply(s.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("test"), client.ForceOwnership); err != nil {
			s.Fatalf("%s %s: %v", u.GetKind(), u.GetName(), err)
		}
	}
}

// await waits until something is as it should be: until check returns nil.
func (s *space) await(what string, check func() error) {
	s.Helper()
	end := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			s.Fatalf("waited in vain for %s: %v", what, err)
		}
		select {
		case <-s.Context().Done():
			s.Fatal(s.Context().Err())
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// pods are those of a label app.
func (s *space) pods(app string) []corev1.Pod {
	s.Helper()
	list := &corev1.PodList{}
	if err := kube.List(s.Context(), list, client.InNamespace(s.name), client.MatchingLabels{"app": app}); err != nil {
		s.Fatal(err)
	}
	return list.Items
}

// ready waits until so many pods of a label are, and returns them.
func (s *space) ready(app string, n int) (pods []corev1.Pod) {
	s.Helper()
	s.await(fmt.Sprintf("%d ready pods of %s", n, app), func() error {
		pods = s.pods(app)
		count := 0
		for _, p := range pods {
			for _, c := range p.Status.Conditions {
				if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue && p.DeletionTimestamp == nil {
					count++
				}
			}
		}
		if count != n || len(pods) != n {
			return fmt.Errorf("%d of %d are ready", count, len(pods))
		}
		return nil
	})
	return pods
}

// succeeded waits until so many pods of a label have, and returns them.
func (s *space) succeeded(app string, n int) (pods []corev1.Pod) {
	s.Helper()
	s.await(fmt.Sprintf("%d pods of %s that have ended well", n, app), func() error {
		pods = s.pods(app)
		count := 0
		for _, p := range pods {
			switch p.Status.Phase {
			case corev1.PodSucceeded:
				count++
			case corev1.PodFailed:
				s.Fatalf("%s failed: %s", p.Name, lastWords(p, "app"))
			}
		}
		if count != n {
			return fmt.Errorf("%d of %d have", count, len(pods))
		}
		return nil
	})
	return pods
}

// status is of a container of a pod, an init container or not.
func status(p corev1.Pod, container string) corev1.ContainerStatus {
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for _, c := range list {
			if c.Name == container {
				return c
			}
		}
	}
	return corev1.ContainerStatus{}
}

// lastWords are the termination message of a container.
func lastWords(p corev1.Pod, container string) string {
	c := status(p, container)
	if t := c.State.Terminated; t != nil {
		return t.Message
	}
	if t := c.LastTerminationState.Terminated; t != nil {
		return t.Message
	}
	return ""
}

// ask makes a request to a pod's port, through the API server.
func (s *space) ask(method, pod string, port int, path string) ([]byte, error) {
	return kube.raw.Verb(method).AbsPath("/api/v1/namespaces", s.name, "pods", fmt.Sprintf("%s:%d", pod, port), "proxy", path).
		SetHeader("Accept", "application/json").Do(s.Context()).Raw()
}

// log is what a container has said.
func (s *space) log(pod, container string) []byte {
	s.Helper()
	b, err := kube.raw.Get().AbsPath("/api/v1/namespaces", s.name, "pods", pod, "log").Param("container", container).Do(s.Context()).Raw()
	if err != nil {
		s.Fatalf("the log of %s: %v", pod, err)
	}
	return b
}

// watchEndings begins to look at pods of a label. What it returns tells, of each
// that has gone meanwhile, how it was in the end, by its name.
func (s *space) watchEndings(app string) func() map[string]corev1.Pod {
	s.Helper()
	w, err := kube.Watch(s.Context(), &corev1.PodList{}, client.InNamespace(s.name), client.MatchingLabels{"app": app})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(w.Stop)
	var mu sync.Mutex
	ended := map[string]corev1.Pod{}
	go func() {
		for e := range w.ResultChan() {
			if p, ok := e.Object.(*corev1.Pod); ok && e.Type == watch.Deleted {
				mu.Lock()
				ended[p.Name] = *p
				mu.Unlock()
			}
		}
	}()
	return func() map[string]corev1.Pod {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(ended)
	}
}

// tell says how a test's pods are, when it has failed.
func (s *space) tell() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	pods := &corev1.PodList{}
	if err := kube.List(ctx, pods, client.InNamespace(s.name)); err != nil {
		s.Log(err)
	}
	for _, p := range pods.Items {
		b, _ := json.Marshal(append(p.Status.InitContainerStatuses, p.Status.ContainerStatuses...))
		s.Logf("pod %s on %s: %s %s", p.Name, p.Spec.NodeName, p.Status.Phase, b)
		for _, c := range append(p.Spec.InitContainers, p.Spec.Containers...) {
			log, err := kube.raw.Get().AbsPath("/api/v1/namespaces", s.name, "pods", p.Name, "log").
				Param("container", c.Name).Param("tailLines", "20").Do(ctx).Raw()
			if err == nil && len(log) > 0 {
				s.Logf("  %s says: %s", c.Name, log)
			}
		}
	}
	events := &corev1.EventList{}
	if err := kube.List(ctx, events, client.InNamespace(s.name)); err == nil {
		for _, e := range events.Items {
			if e.Type != corev1.EventTypeNormal {
				s.Logf("event: %s: %s", e.InvolvedObject.Name, e.Message)
			}
		}
	}
}

// gone waits until no pod of a label is there.
func (s *space) gone(app string) {
	s.Helper()
	s.await("the end of "+app, func() error {
		if n := len(s.pods(app)); n > 0 {
			return fmt.Errorf("%d are there", n)
		}
		return nil
	})
}

// remove deletes an object.
func (s *space) remove(o client.Object, name string) {
	s.Helper()
	o.SetNamespace(s.name)
	o.SetName(name)
	if err := kube.Delete(s.Context(), o, client.PropagationPolicy("Background")); err != nil && !apierrors.IsNotFound(err) {
		s.Fatal(err)
	}
}
