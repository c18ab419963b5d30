//go:build cluster

package operator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

func TestWrongTraceAgentsAreRefused(t *testing.T) {
	ns := namespace(t, nil)
	for what, change := range map[string]func(*v1alpha1.TraceAgentSpec){
		"strategy":               func(s *v1alpha1.TraceAgentSpec) { s.Strategy = "Deployment" },
		"no endpoint":            func(s *v1alpha1.TraceAgentSpec) { s.Deliver.Endpoint = "" },
		"URL for gRPC":           func(s *v1alpha1.TraceAgentSpec) { s.Deliver.Endpoint = "http://collector:4318" },
		"host:port for HTTP":     func(s *v1alpha1.TraceAgentSpec) { s.Deliver.Protocol = "otlp-http" },
		"daemonSet of a sidecar": func(s *v1alpha1.TraceAgentSpec) { s.DaemonSet = &v1alpha1.DaemonSetOptions{HostPort: true} },
		"port": func(s *v1alpha1.TraceAgentSpec) {
			s.Accept = &v1alpha1.Accept{OTLP: &v1alpha1.AcceptOTLP{GRPC: new(int32(70000))}}
		},
		"duration": func(s *v1alpha1.TraceAgentSpec) { s.DrainTimeout = "5" },
	} {
		ta := traceAgent(ns, "wrong", v1alpha1.Sidecar)
		change(&ta.Spec)
		if err := kube.Create(t.Context(), ta); !apierrors.IsInvalid(err) {
			t.Errorf("%s: %v", what, err)
			_ = kube.Delete(t.Context(), ta)
		}
	}
}

func TestATeamsPodsAreInjected(t *testing.T) {
	ns := namespace(t, nil)
	early := pod(ns)
	create(t, early)
	if agentIn(early) {
		t.Fatal("there is no TraceAgent yet")
	}
	ta := traceAgent(ns, "team", v1alpha1.Sidecar)
	create(t, ta)
	settled(t, ta)

	p := pod(ns)
	create(t, p)
	if !agentIn(p) || p.Annotations[v1alpha1.AnnotationAgent] != ns+"/team" || p.Annotations[v1alpha1.AnnotationRevision] == "" {
		t.Errorf("not injected: %+v", p.ObjectMeta)
	}
	var cm corev1.ConfigMap
	soon(t, "its configuration", func() error {
		return kube.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "wayside-team"}, &cm)
	})
	if !strings.Contains(cm.Data["agent.yaml"], "collector:4317") {
		t.Errorf("%v", cm.Data)
	}

	declined := pod(ns)
	declined.Labels = map[string]string{v1alpha1.LabelInject: "false"}
	create(t, declined)
	clash := pod(ns)
	clash.Spec.HostNetwork = true
	clash.Labels = map[string]string{v1alpha1.LabelInject: "true"}
	create(t, clash)
	if agentIn(declined) || agentIn(clash) || clash.Annotations[v1alpha1.AnnotationReason] == "" || declined.Annotations[v1alpha1.AnnotationReason] != "" {
		t.Errorf("%v, %v", declined.Annotations, clash.Annotations)
	}
	nobody := pod(ns)
	nobody.Labels = map[string]string{v1alpha1.LabelInject: "somebody"}
	create(t, nobody)
	if agentIn(nobody) || !strings.Contains(nobody.Annotations[v1alpha1.AnnotationReason], "somebody") {
		t.Errorf("%v", nobody.Annotations)
	}

	want := v1alpha1.PodCounts{Injected: 1, Missed: 1}
	soon(t, "its counts", func() error {
		if err := kube.Get(t.Context(), client.ObjectKeyFromObject(ta), ta); err != nil {
			return err
		}
		if ta.Status.Pods != want {
			return fmt.Errorf("%+v, want %+v", ta.Status.Pods, want)
		}
		return nil
	})
	if got, want := conditions(ta), "Accepted=True/Accepted Ready=True/Injecting Complete=False/PodsMissed"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	soonEvent(t, ns, early.Name, "Missed")
	soonEvent(t, ns, nobody.Name, "NotInjected")
	soonEvent(t, ns, "team", "PodsMissed")

	// What changes the pod itself makes it outdated, what the agent reloads does not.
	change(t, ta, func() { ta.Spec.Deliver.Endpoint = "other:4317" })
	soon(t, "the new configuration", func() error {
		if err := kube.Get(t.Context(), client.ObjectKeyFromObject(&cm), &cm); err != nil {
			return err
		}
		if !strings.Contains(cm.Data["agent.yaml"], "other:4317") {
			return fmt.Errorf("%v", cm.Data)
		}
		return nil
	})
	change(t, ta, func() { ta.Spec.Image = "wayside-agent:next" })
	want = v1alpha1.PodCounts{Outdated: 1, Missed: 1}
	soon(t, "its counts", func() error {
		if err := kube.Get(t.Context(), client.ObjectKeyFromObject(ta), ta); err != nil {
			return err
		}
		if ta.Status.Pods != want {
			return fmt.Errorf("%+v, want %+v", ta.Status.Pods, want)
		}
		return nil
	})
}

func change(t *testing.T, ta *v1alpha1.TraceAgent, what func()) {
	t.Helper()
	soon(t, "a change", func() error {
		if err := kube.Get(t.Context(), client.ObjectKeyFromObject(ta), ta); err != nil {
			return err
		}
		what()
		return kube.Update(t.Context(), ta)
	})
}

func soonEvent(t *testing.T, ns, object, reason string) {
	t.Helper()
	soon(t, "event "+reason+" of "+object, func() error {
		var l eventsv1.EventList
		if err := kube.List(t.Context(), &l, client.InNamespace(ns)); err != nil {
			return err
		}
		var all []string
		for _, e := range l.Items {
			if e.Regarding.Name == object && e.Reason == reason && e.Note != "" {
				return nil
			}
			all = append(all, e.Regarding.Name+" "+e.Reason)
		}
		return fmt.Errorf("there are %v", all)
	})
}

func TestADaemonSetIsMadeChangedAndGone(t *testing.T) {
	elsewhere := traceAgent(namespace(t, nil), "node", v1alpha1.DaemonSet)
	create(t, elsewhere)
	settled(t, elsewhere)
	if got := conditions(elsewhere); !strings.HasPrefix(got, "Accepted=False/NotAllowed") {
		t.Error(got)
	}

	ns := namespace(t, map[string]string{"test": "daemonset"})
	ta := traceAgent(system, "node", v1alpha1.DaemonSet)
	ta.Spec.NamespaceSelector = selector("test", "daemonset")
	create(t, ta)
	settled(t, ta)
	key := client.ObjectKey{Namespace: system, Name: "wayside-node"}
	var d appsv1.DaemonSet
	for _, o := range []client.Object{&d, &corev1.Service{}, &corev1.ServiceAccount{}, &corev1.ConfigMap{}} {
		soon(t, fmt.Sprintf("%T", o), func() error { return kube.Get(t.Context(), key, o) })
	}
	p := pod(ns)
	create(t, p)
	env := map[string]string{}
	for _, e := range p.Spec.Containers[0].Env {
		env[e.Name] = e.Value
	}
	if agentIn(p) || !strings.Contains(env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"], "wayside-node."+system) {
		t.Errorf("%v", env)
	}

	change(t, ta, func() { ta.Spec.LogLevel, ta.Spec.Image = "debug", "wayside-agent:next" })
	soon(t, "a new DaemonSet", func() error {
		if err := kube.Get(t.Context(), key, &d); err != nil {
			return err
		}
		if d.Spec.Template.Spec.Containers[0].Image != "wayside-agent:next" {
			return fmt.Errorf("%s", d.Spec.Template.Spec.Containers[0].Image)
		}
		return nil
	})
	// Somebody else's change does not stay.
	soon(t, "a change by somebody", func() error {
		if err := kube.Get(t.Context(), key, &d); err != nil {
			return err
		}
		d.Spec.Template.Spec.Containers[0].Image = "other:1"
		return kube.Update(t.Context(), &d)
	})
	soon(t, "the right image", func() error {
		if err := kube.Get(t.Context(), key, &d); err != nil {
			return err
		}
		if got := d.Spec.Template.Spec.Containers[0].Image; got != "wayside-agent:next" {
			return fmt.Errorf("it is %s", got)
		}
		return nil
	})
	if err := kube.Delete(t.Context(), ta); err != nil {
		t.Fatal(err)
	}
	soon(t, "its end", func() error {
		if err := kube.Get(t.Context(), key, &d); !apierrors.IsNotFound(err) {
			return fmt.Errorf("the DaemonSet is still there, %v", err)
		}
		return nil
	})
}

func TestTheDefaultServesNamespacesThatHaveNone(t *testing.T) {
	ns := namespace(t, map[string]string{"test": "default"})
	ta := traceAgent(system, "default", v1alpha1.Sidecar)
	ta.Spec.NamespaceSelector = selector("test", "default")
	create(t, ta)
	settled(t, ta)
	p := pod(ns)
	create(t, p)
	if p.Annotations[v1alpha1.AnnotationAgent] != system+"/default" {
		t.Errorf("%v", p.Annotations)
	}
	// The ConfigMap is there when a kubelet would look, which is not before the
	// scheduler has.
	if err := eventually(t.Context(), 2*time.Second, func() error {
		return kube.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "wayside." + system + ".default"}, &corev1.ConfigMap{})
	}); err != nil {
		t.Error(err)
	}
	if err := kube.Delete(t.Context(), ta); err != nil {
		t.Fatal(err)
	}
	soon(t, "the copy's end", func() error {
		if err := kube.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "wayside." + system + ".default"}, &corev1.ConfigMap{}); !apierrors.IsNotFound(err) {
			return fmt.Errorf("it is still there, %v", err)
		}
		return nil
	})
}

// The operator's account may do what it needs, as every test here shows, and not
// read Secrets.
func TestTheOperatorReadsNoSecrets(t *testing.T) {
	may := func(verb, group, resource, ns, name string) bool {
		t.Helper()
		r := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User:   "system:serviceaccount:" + system + ":wayside-operator",
			Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + system, "system:authenticated"},
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Verb: verb, Group: group, Resource: resource, Namespace: ns, Name: name,
			},
		}}
		if err := kube.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		return r.Status.Allowed
	}
	if !may("get", "", "secrets", system, "wayside-operator-certificate") {
		t.Error("it can't read its own certificate")
	}
	for _, no := range [][5]string{
		{"get", "", "secrets", system, "other"},
		{"list", "", "secrets", system, ""},
		{"get", "", "secrets", "default", "wayside-operator-certificate"},
		{"create", "", "secrets", system, "other"},
		{"create", "", "pods", "default", ""},
		{"patch", "", "pods", "default", "x"},
		{"delete", "", "pods", "default", "x"},
		{"create", "apps", "daemonsets", "default", ""},
		{"patch", "admissionregistration.k8s.io", "mutatingwebhookconfigurations", "", "other"},
		{"update", "wayside.dev", "traceagents", "default", "x"},
		{"escalate", "rbac.authorization.k8s.io", "clusterroles", "", "wayside-operator"},
	} {
		if may(no[0], no[1], no[2], no[3], no[4]) {
			t.Errorf("it may %v", no)
		}
	}
}

// Pods are made all the time, while certificates and authorities are renewed, and
// both replicas are restarted one after the other: each pod is injected.
func TestNoPodIsMissedUnderRotationAndRestarts(t *testing.T) {
	ns := namespace(t, nil)
	ta := traceAgent(ns, "team", v1alpha1.Sidecar)
	create(t, ta)
	settled(t, ta)

	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var mu sync.Mutex
	made, missed := 0, []time.Time(nil)
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				p := pod(ns)
				err := kube.Create(context.WithoutCancel(ctx), p, client.DryRunAll)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				made++
				if !agentIn(p) {
					missed = append(missed, time.Now())
				}
				mu.Unlock()
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	serials, authorities := map[string]bool{}, map[string]bool{}
	begin := time.Now()
	watch := func(until time.Duration) {
		for time.Since(begin) < until {
			for _, r := range replicas {
				if c := shown(r); c != nil {
					serials[c.SerialNumber.String()] = true
					authorities[string(c.AuthorityKeyId)] = true
				}
			}
			time.Sleep(time.Second)
		}
	}
	watch(20 * time.Second)
	for i, r := range replicas {
		if err := r.stop(); err != nil {
			t.Errorf("replica %d ended with %v", i, err)
		}
		if err := r.start(); err != nil {
			t.Fatal(err)
		}
		if err := r.waitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	watch(authorityLife + 10*time.Second)
	stop()
	wg.Wait()
	for _, at := range missed {
		t.Errorf("a pod was missed %v after the beginning", at.Sub(begin))
	}
	if made < 1000 || len(serials) < 5 || len(authorities) < 2 {
		t.Errorf("%d pods, %d certificates, %d authorities: too few to show anything", made, len(serials), len(authorities))
	}
	t.Logf("%d pods, %d certificates of %d authorities, both replicas restarted, %d missed", made, len(serials), len(authorities), len(missed))
	var is admissionregistrationv1.MutatingWebhookConfiguration
	if err := kube.Get(t.Context(), client.ObjectKey{Name: "wayside-operator"}, &is); err != nil {
		t.Fatal(err)
	}
	if len(is.OwnerReferences) != 1 || is.OwnerReferences[0].Kind != "ClusterRole" {
		t.Errorf("the webhook object belongs to %v", is.OwnerReferences)
	}
}

// shown is the certificate that a replica shows.
func shown(r *replica) *x509.Certificate {
	c, err := tls.Dial("tcp", r.webhook, &tls.Config{InsecureSkipVerify: true}) // API servers check it
	if err != nil {
		return nil
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0]
}

// With both replicas away pods start all the same, and are told and listed
// afterwards.
func TestPodsStartWithoutTheOperator(t *testing.T) {
	ns := namespace(t, nil)
	ta := traceAgent(ns, "team", v1alpha1.Sidecar)
	create(t, ta)
	settled(t, ta)
	for _, r := range replicas {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
	p := pod(ns)
	create(t, p)
	if agentIn(p) {
		t.Fatal("who injected it?")
	}
	for _, r := range replicas {
		if err := r.start(); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range replicas {
		if err := r.waitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	soonEvent(t, ns, p.Name, "Missed")
	soon(t, "its status", func() error {
		if err := kube.Get(t.Context(), client.ObjectKeyFromObject(ta), ta); err != nil {
			return err
		}
		for _, c := range ta.Status.Conditions {
			if c.Reason == "PodsMissed" && strings.Contains(c.Message, p.Name) {
				return nil
			}
		}
		return fmt.Errorf("%+v", ta.Status)
	})
}

func selector(key, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}
