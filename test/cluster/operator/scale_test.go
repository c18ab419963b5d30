//go:build cluster && scale

package operator

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/test/cluster"
	"github.com/wayside-tracing/wayside/test/cluster/programs"
)

// What is pretended to run, by kwok.
const (
	manyNodes       = 1000
	manyPods        = 5000 // half of them are injected
	podsADeployment = 100
	creates         = 500 // pods made one after the other, to see how long that takes
)

// scaled is what is printed and kept.
type scaled struct {
	Date, Commit, Machine string
	Nodes, Pods           int
	Took                  string // until all pods ran
	// CreatePlain and CreateInjected are how long the API server takes to make a pod, in milliseconds.
	CreatePlain, CreateInjected quantiles
	Answers                     float64            // of the webhook
	AnswerWithin                map[string]float64 // share of answers within so many seconds
	MemoryMiB                   []float64          // of each operator, at most
	APICalls                    float64            // of both operators
}

type quantiles struct{ P50, P90, P99 float64 }

// TestScale pretends to have 1,000 nodes and 5,000 pods. Every pod that should be is injected and counted; what that takes
// is printed and kept in results, and nothing timed is asserted. Goals: answers within 5 ms at the 99th percentile, an
// operator of at most 100 MB.
func TestScale(t *testing.T) {
	root, err := cluster.Root()
	if err != nil {
		t.Fatal(err)
	}
	built, err := programs.Build(t.Context(), root, programs.Kwok)
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "kwok.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	kwok := exec.Command(filepath.Join(built[0], "kwok"), "--kubeconfig", adminConfig, "--manage-all-nodes", "--config", "testdata/stages.yaml")
	kwok.Stdout, kwok.Stderr = log, log
	kwok.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := kwok.Start(); err != nil {
		t.Fatal(err)
	}
	kwokEnded := make(chan error, 1)
	go func() { kwokEnded <- kwok.Wait() }()
	alive := func() {
		select {
		case err := <-kwokEnded:
			kwokEnded <- err
			t.Fatalf("kwok has ended: %v", err)
		default:
		}
	}
	t.Cleanup(func() {
		_ = kwok.Process.Kill() // it may have ended
		<-kwokEnded
		if t.Failed() {
			b, _ := os.ReadFile(log.Name())
			t.Logf("kwok: %s", b[max(0, len(b)-3000):])
		}
	})
	s := scaled{
		Date: time.Now().UTC().Format(time.DateOnly), Nodes: manyNodes, Pods: manyPods,
		Machine: fmt.Sprintf("%d cores, %s/%s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH), AnswerWithin: map[string]float64{},
	}
	if out, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output(); err == nil {
		s.Commit = strings.TrimSpace(string(out))
	}

	each(manyNodes, func(i int) {
		n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("kwok-%04d", i), Labels: map[string]string{"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}}}
		if err := kube.Create(t.Context(), n); err != nil {
			t.Error(err)
		}
	})
	patiently(t, "nodes", func() error {
		alive()
		list := &corev1.NodeList{}
		if err := kube.List(t.Context(), list); err != nil {
			return err
		}
		ready := 0
		for _, n := range list.Items {
			for _, c := range n.Status.Conditions {
				if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
					ready++
				}
			}
		}
		if ready < manyNodes {
			return fmt.Errorf("%d are ready", ready)
		}
		return nil
	})
	plain, team := namespace(t, nil), namespace(t, nil)
	ta := traceAgent(team, "team", v1alpha1.Sidecar)
	create(t, ta)
	settled(t, ta)

	began := time.Now()
	each(manyPods/podsADeployment, func(i int) {
		ns := plain
		if i%2 == 1 {
			ns = team
		}
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: fmt.Sprintf("app-%d", i)}}
		d.Spec.Replicas = new(int32(podsADeployment))
		d.Spec.Template = corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": d.Name}}, Spec: pod(ns).Spec}
		d.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": d.Name}}
		if err := kube.Create(t.Context(), d); err != nil {
			t.Error(err)
		}
	})
	patiently(t, "pods", func() error {
		running := 0
		for _, ns := range []string{plain, team} {
			list := &corev1.PodList{}
			if err := kube.List(t.Context(), list, client.InNamespace(ns)); err != nil {
				return err
			}
			for _, p := range list.Items {
				if p.Status.Phase == corev1.PodRunning {
					running++
				}
				if agentIn(&p) != (ns == team) {
					t.Fatalf("%s/%s: injected=%t", ns, p.Name, agentIn(&p))
				}
			}
		}
		if running < manyPods {
			return fmt.Errorf("%d run", running)
		}
		return nil
	})
	s.Took = time.Since(began).Round(time.Second).String()
	patiently(t, "the count", func() error {
		if err := kube.Get(t.Context(), client.ObjectKeyFromObject(ta), ta); err != nil {
			return err
		}
		if p := ta.Status.Pods; p.Injected != manyPods/2 || p.Missed != 0 || p.Refused != 0 {
			return fmt.Errorf("%+v", p)
		}
		return nil
	})

	s.CreatePlain, s.CreateInjected = creation(t, plain), creation(t, team)
	for _, r := range replicas {
		s.MemoryMiB = append(s.MemoryMiB, float64(r.maxRSS.Load())/(1<<20))
		s.Answers += r.metric("wayside_operator_admission_seconds_count")
		s.APICalls += r.metric("rest_client_requests_total")
	}
	for _, le := range []string{"0.001", "0.002", "0.003", "0.005", "0.01", "0.025"} {
		var within float64
		for _, r := range replicas {
			within += r.bucket("wayside_operator_admission_seconds_bucket", le)
		}
		s.AnswerWithin[le] = within / s.Answers
	}
	b, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", b)
	results := filepath.Join(root, "results")
	if err := os.MkdirAll(results, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(results, s.Date+"-"+s.Commit+"-scale.json"), append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// creation is how long it takes to have a pod made, one after the other.
func creation(t *testing.T, ns string) quantiles {
	t.Helper()
	took := make([]float64, creates)
	for i := range took {
		began := time.Now()
		if err := kube.Create(t.Context(), pod(ns), client.DryRunAll); err != nil {
			t.Fatal(err)
		}
		took[i] = float64(time.Since(began).Microseconds()) / 1000
	}
	slices.Sort(took)
	return quantiles{took[creates/2], took[creates*9/10], took[creates*99/100]}
}

// bucket is how many observations of a histogram are at most le.
func (r *replica) bucket(name, le string) float64 {
	return r.metric(fmt.Sprintf("%s{le=%q}", name, le))
}

// each does something n times, eight at once.
func each(n int, do func(i int)) {
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := worker; i < n; i += 8 {
				do(i)
			}
		})
	}
	all.Wait()
}

// patiently waits for what takes minutes.
func patiently(t *testing.T, what string, try func() error) {
	t.Helper()
	end := time.Now().Add(15 * time.Minute)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(2 * time.Second)
	}
}
