package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/inject"
)

type fakeCluster struct {
	agents                     []*v1alpha1.TraceAgent
	namespaceError, rangeError error
}

func (c *fakeCluster) Agents() []*v1alpha1.TraceAgent { return c.agents }
func (c *fakeCluster) Options() inject.Options        { return inject.Options{NativeSidecars: true} }

func (c *fakeCluster) NamespaceLabels(_ context.Context, name string) (map[string]string, error) {
	return map[string]string{"kubernetes.io/metadata.name": name}, c.namespaceError
}

func (c *fakeCluster) LimitRanges(context.Context, string) ([]*corev1.LimitRange, error) {
	return nil, c.rangeError
}

// handlerFor decides as it is told, and notes what it was asked and whom it told.
func handlerFor(t testing.TB, c Cluster, d inject.Decision) (h *Handler, asked *[]inject.Request, told *[]string) {
	t.Helper()
	m, err := NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	asked, told = new([]inject.Request), new([]string)
	h = NewHandler(c, func(ta *v1alpha1.TraceAgent, ns string) { *told = append(*told, ns+": "+ta.Name) }, m, slog.New(slog.DiscardHandler))
	h.decide = func(r inject.Request) inject.Decision {
		*asked = append(*asked, r)
		return d
	}
	return h, asked, told
}

func question(t testing.TB, pod *corev1.Pod, change func(*admissionv1.AdmissionRequest)) []byte {
	t.Helper()
	raw, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	q := &admissionv1.AdmissionRequest{
		UID: "42", Kind: metav1.GroupVersionKind{Version: "v1", Kind: "Pod"}, Resource: metav1.GroupVersionResource{Version: "v1", Resource: "pods"},
		Namespace: "shop", Operation: admissionv1.Create, Object: runtime.RawExtension{Raw: raw},
	}
	if change != nil {
		change(q)
	}
	b, err := json.Marshal(admissionv1.AdmissionReview{TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Request: q})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func ask(t testing.TB, h http.Handler, body []byte) *admissionv1.AdmissionResponse {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, Path, bytes.NewReader(body)))
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(w.Body.Bytes(), &review); err != nil {
		t.Fatal(err)
	}
	if review.Kind != "AdmissionReview" || review.APIVersion != "admission.k8s.io/v1" || review.Response == nil || review.Request != nil {
		t.Fatalf("%s", w.Body)
	}
	if review.Response.UID != "42" || !review.Response.Allowed {
		t.Errorf("%+v", review.Response)
	}
	return review.Response
}

var (
	webPod = &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: "web-"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web:1"}}}}
	team   = &v1alpha1.TraceAgent{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "team"}}
)

func TestAPatchIsWhatWasDecided(t *testing.T) {
	h, asked, told := handlerFor(t, &fakeCluster{agents: []*v1alpha1.TraceAgent{team}}, inject.Decision{
		Inject: true, Asked: true, Agent: team, Code: "injected", Patch: []inject.Operation{{Op: "add", Path: "/metadata/labels", Value: map[string]string{"a": "b"}}},
	})
	a := ask(t, h, question(t, webPod, nil))
	if got, want := string(a.Patch), `[{"op":"add","path":"/metadata/labels","value":{"a":"b"}}]`; got != want || *a.PatchType != admissionv1.PatchTypeJSONPatch {
		t.Errorf("patch %s, want %s", got, want)
	}
	r := (*asked)[0]
	if r.Namespace != "shop" || r.Pod.Namespace != "shop" || r.Pod.Spec.Containers[0].Image != "web:1" || len(r.Agents) != 1 || !r.Options.NativeSidecars ||
		r.NamespaceLabels["kubernetes.io/metadata.name"] != "shop" {
		t.Errorf("%+v", r)
	}
	if fmt.Sprint(*told) != "[shop: team]" || a.AuditAnnotations["decision"] != "injected" || a.AuditAnnotations["agent"] != "shop/team" {
		t.Errorf("told %v, audited %v", *told, a.AuditAnnotations)
	}
}

func TestADryRunTellsNobody(t *testing.T) {
	h, _, told := handlerFor(t, &fakeCluster{}, inject.Decision{Inject: true, Agent: team})
	ask(t, h, question(t, webPod, func(q *admissionv1.AdmissionRequest) { q.DryRun = new(true) }))
	if len(*told) != 0 {
		t.Errorf("told %v", *told)
	}
}

// Whatever goes wrong, the pod is made as it was.
func TestNoPodIsEverRefused(t *testing.T) {
	yes := inject.Decision{Inject: true, Agent: team, Patch: []inject.Operation{{Op: "add", Path: "/x"}}}
	down := errors.New("away")
	for name, test := range map[string]struct {
		cluster *fakeCluster
		decide  func(inject.Request) inject.Decision
		change  func(*admissionv1.AdmissionRequest)
	}{
		"no namespace": {cluster: &fakeCluster{namespaceError: down}},
		"no limits":    {cluster: &fakeCluster{rangeError: down}},
		"panic":        {decide: func(inject.Request) inject.Decision { panic("oh") }},
		"no patch": {decide: func(inject.Request) inject.Decision {
			return inject.Decision{Patch: []inject.Operation{{Value: func() {}}}}
		}},
		"no pod":        {change: func(q *admissionv1.AdmissionRequest) { q.Object.Raw = []byte(`{"spec": 7}`) }},
		"update":        {change: func(q *admissionv1.AdmissionRequest) { q.Operation = admissionv1.Update }},
		"other objects": {change: func(q *admissionv1.AdmissionRequest) { q.Resource.Resource = "jobs" }},
		"ephemeral":     {change: func(q *admissionv1.AdmissionRequest) { q.SubResource = "ephemeralcontainers" }},
	} {
		if test.cluster == nil {
			test.cluster = &fakeCluster{}
		}
		h, _, told := handlerFor(t, test.cluster, yes)
		if test.decide != nil {
			h.decide = test.decide
		}
		if a := ask(t, h, question(t, webPod, test.change)); a.Patch != nil || a.PatchType != nil || len(*told) != 0 {
			t.Errorf("%s: patch %s, told %v", name, a.Patch, *told)
		}
	}
}

// An API server lets the pod through, since the failure policy says so.
func TestWhatIsNoQuestionIsAnError(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":     "",
		"no JSON":     "{",
		"no request":  `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}`,
		"old version": strings.Replace(string(question(t, webPod, nil)), "admission.k8s.io/v1", "admission.k8s.io/v1beta1", 1),
		"too large":   `{"a":"` + strings.Repeat("x", maxBody) + `"}`,
	} {
		h, asked, _ := handlerFor(t, &fakeCluster{}, inject.Decision{})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, Path, strings.NewReader(body)))
		if w.Code != http.StatusBadRequest || len(*asked) != 0 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}
