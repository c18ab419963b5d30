package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/inject"
)

// Path is where questions come in.
const Path = "/mutate-pods"

// maxBody is in bytes. A pod is at most 1.5 MiB, what etcd takes, and a question
// has it in JSON, which is larger than what is stored.
const maxBody = 8 << 20

// A Cluster is what decisions depend on besides the pod. What it returns is not
// changed.
type Cluster interface {
	Agents() []*v1alpha1.TraceAgent
	NamespaceLabels(ctx context.Context, name string) (map[string]string, error)
	LimitRanges(ctx context.Context, namespace string) ([]*corev1.LimitRange, error)
	Options() inject.Options
}

// Handler answers questions.
type Handler struct {
	cluster Cluster
	decide  func(inject.Request) inject.Decision
	// injected is told of each pod that gets an agent, before the API server is; it
	// must not block.
	injected func(ta *v1alpha1.TraceAgent, namespace string)
	metrics  *Metrics
	log      *slog.Logger
}

// NewHandler makes one.
func NewHandler(c Cluster, injected func(ta *v1alpha1.TraceAgent, namespace string), m *Metrics, log *slog.Logger) *Handler {
	return &Handler{cluster: c, decide: inject.Decide, injected: injected, metrics: m, log: log}
}

// ServeHTTP answers an AdmissionReview.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	var review admissionv1.AdmissionReview
	if err := read(r, &review); err != nil {
		h.metrics.count("UnreadableQuestion")
		h.log.Error("a question that cannot be read", "error", err, "from", r.RemoteAddr)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, code := h.answer(r.Context(), review.Request)
	review.Request, review.Response = nil, answer
	body, err := json.Marshal(review)
	if err != nil {
		h.metrics.count("UnwritableAnswer")
		h.log.Error("an answer that cannot be written", "error", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // who asked has gone, and made the pod without it
	h.metrics.observe(code, time.Since(begin))
}

func read(r *http.Request, review *admissionv1.AdmissionReview) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return err
	case len(body) > maxBody:
		return fmt.Errorf("more than %d bytes", maxBody)
	}
	if err := json.Unmarshal(body, review); err != nil {
		return err
	}
	if review.Request == nil || review.Kind != "AdmissionReview" || review.APIVersion != admissionv1.SchemeGroupVersion.String() {
		return fmt.Errorf("not a request of %v AdmissionReview", admissionv1.SchemeGroupVersion)
	}
	return nil
}

// answer says yes, with a patch or without. Code is the decision's, for metrics.
func (h *Handler) answer(ctx context.Context, q *admissionv1.AdmissionRequest) (a *admissionv1.AdmissionResponse, code inject.Code) {
	a = &admissionv1.AdmissionResponse{UID: q.UID, Allowed: true}
	fail := func(code inject.Code, what string, args ...any) {
		a.Patch, a.PatchType = nil, nil
		h.log.Error("a pod was let through as it was", append(args, "why", what, "namespace", q.Namespace, "pod", podName(q))...)
		a.AuditAnnotations = map[string]string{"decision": string(code)}
	}
	defer func() {
		if p := recover(); p != nil {
			code = "Panic"
			fail(code, "the webhook failed", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	if q.Operation != admissionv1.Create || q.Resource.Resource != "pods" || q.SubResource != "" {
		return a, "NoNewPod"
	}
	var pod corev1.Pod
	if err := json.Unmarshal(q.Object.Raw, &pod); err != nil {
		fail("UnreadablePod", "it cannot be read", "error", err)
		return a, "UnreadablePod"
	}
	pod.Namespace = q.Namespace
	namespace, err := h.cluster.NamespaceLabels(ctx, q.Namespace)
	if err != nil {
		fail("UnknownNamespace", "its namespace is not known", "error", err)
		return a, "UnknownNamespace"
	}
	ranges, err := h.cluster.LimitRanges(ctx, q.Namespace)
	if err != nil {
		fail("UnknownLimits", "its namespace's limits are not known", "error", err)
		return a, "UnknownLimits"
	}
	d := h.decide(inject.Request{
		Pod: &pod, Namespace: q.Namespace, NamespaceLabels: namespace,
		Agents: h.cluster.Agents(), LimitRanges: ranges, Options: h.cluster.Options(),
	})
	if len(d.Patch) > 0 {
		if a.Patch, err = json.Marshal(d.Patch); err != nil {
			fail("UnwritablePatch", "its patch cannot be written", "error", err)
			return a, "UnwritablePatch"
		}
		a.PatchType = new(admissionv1.PatchTypeJSONPatch)
	}
	a.AuditAnnotations = map[string]string{"decision": string(d.Code)}
	if d.Agent != nil {
		a.AuditAnnotations["agent"] = d.Agent.Namespace + "/" + d.Agent.Name
	}
	if d.Inject && (q.DryRun == nil || !*q.DryRun) {
		h.injected(d.Agent, q.Namespace)
	}
	if d.Asked && h.log.Enabled(ctx, slog.LevelDebug) {
		h.log.Debug("a pod", "namespace", q.Namespace, "pod", podName(q), "injected", d.Inject, "code", string(d.Code), "why", d.Reason)
	}
	return a, d.Code
}

// podName is what is known of it: most pods get their names later.
func podName(q *admissionv1.AdmissionRequest) string {
	if q.Name != "" {
		return q.Name
	}
	var pod struct {
		Metadata struct {
			GenerateName string `json:"generateName"`
		} `json:"metadata"`
	}
	_ = json.Unmarshal(q.Object.Raw, &pod) // then it has none
	return pod.Metadata.GenerateName + "…"
}
