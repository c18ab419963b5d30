package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// One question about a pod of usual size, in a cluster where each of 500 namespaces
// has a TraceAgent, to the last byte of its answer.
func BenchmarkHandler(b *testing.B) {
	c := &fakeCluster{}
	for i := range 500 {
		ns := fmt.Sprintf("team-%d", i)
		if i == 250 {
			ns = "shop"
		}
		c.agents = append(c.agents, &v1alpha1.TraceAgent{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "team"},
			Spec:       v1alpha1.TraceAgentSpec{Strategy: v1alpha1.Sidecar, Deliver: v1alpha1.Deliver{Endpoint: "collector:4317"}, Image: "wayside-agent:1"},
		})
	}
	m, err := NewMetrics(prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	h := NewHandler(c, func(*v1alpha1.TraceAgent, string) {}, m, slog.New(slog.DiscardHandler))
	pod := webPod.DeepCopy()
	for i := range 30 {
		pod.Spec.Containers[0].Env = append(pod.Spec.Containers[0].Env, corev1.EnvVar{Name: fmt.Sprint("NAME_", i), Value: "some value of usual length"})
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: fmt.Sprint("volume-", i), VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
	}
	body := question(b, pod, nil)
	if a := ask(b, h, body); a.AuditAnnotations["decision"] != "Injected" || !json.Valid(a.Patch) {
		b.Fatalf("%+v", a)
	}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, Path, bytes.NewReader(body)))
	}
}
