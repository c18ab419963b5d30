//go:build cluster

package operator

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

var (
	scalePods   = flag.Int("pods", 0, "how many pods TestScale makes; 5000 takes some minutes")
	scaleAtOnce = flag.Int("at-once", 8, "how many pods TestScale makes at once")
)

// What the operator costs in a cluster of many pods, half of them injected. It
// prints figures and asserts none but that the counts are right in the end.
//
//	go test -tags cluster -run TestScale -v ./operator -args -pods 5000
func TestScale(t *testing.T) {
	if *scalePods == 0 {
		t.Skip("it is for -args -pods 5000")
	}
	const namespaces = 20
	var injected, plain []string
	for i := range namespaces {
		ns := namespace(t, nil)
		if i%2 == 0 {
			plain = append(plain, ns)
			continue
		}
		injected = append(injected, ns)
		ta := traceAgent(ns, "team", v1alpha1.Sidecar)
		create(t, ta)
		settled(t, ta)
	}
	for _, r := range replicas {
		t.Logf("before: %.1f MiB resident, %.0f API calls", float64(rss(r.process.Process.Pid))/(1<<20), r.metric("rest_client_requests_total"))
	}
	begin := time.Now()
	with, without := makePods(t, injected, *scalePods/2), makePods(t, plain, *scalePods/2)
	t.Logf("%d pods in %v; CREATE of one: injected %s, others %s", *scalePods, time.Since(begin).Round(time.Second), quantiles(with), quantiles(without))
	sum := v1alpha1.PodCounts{}
	soon(t, "the counts", func() error {
		sum = v1alpha1.PodCounts{}
		for _, ns := range injected {
			var ta v1alpha1.TraceAgent
			if err := kube.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "team"}, &ta); err != nil {
				return err
			}
			sum.Injected += ta.Status.Pods.Injected
			sum.Missed += ta.Status.Pods.Missed
		}
		if int(sum.Injected) != *scalePods/2 {
			return fmt.Errorf("%+v, want %d injected", sum, *scalePods/2)
		}
		return nil
	})
	for i, r := range replicas {
		t.Logf("replica %d: %.1f MiB resident, at most %.1f; %.0f API calls; handler of %s", i, float64(rss(r.process.Process.Pid))/(1<<20),
			float64(r.maxRSS.Load())/(1<<20), r.metric("rest_client_requests_total"), r.handlerTimes())
	}
	before := [2]float64{replicas[0].metric("rest_client_requests_total"), replicas[1].metric("rest_client_requests_total")}
	time.Sleep(30 * time.Second)
	for i, r := range replicas {
		t.Logf("replica %d, at rest for 30 s: %.1f MiB resident, %.0f API calls", i, float64(rss(r.process.Process.Pid))/(1<<20), r.metric("rest_client_requests_total")-before[i])
	}
}

// makePods makes n pods in some namespaces, several at a time, and says how long each
// took.
func makePods(t *testing.T, in []string, n int) (took []time.Duration) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	next := make(chan int)
	for range *scaleAtOnce {
		wg.Go(func() {
			for i := range next {
				p := pod(in[i%len(in)])
				p.Labels = map[string]string{"app": "web", "app.kubernetes.io/name": "web", "pod-template-hash": fmt.Sprint("hash", i%50)}
				p.Spec.NodeSelector = map[string]string{"there-is": "none"}
				for j := range 10 {
					p.Spec.Containers[0].Env = append(p.Spec.Containers[0].Env, corev1.EnvVar{Name: fmt.Sprint("NAME_", j), Value: "a value of usual length"})
				}
				begin := time.Now()
				err := kube.Create(context.WithoutCancel(t.Context()), p)
				mu.Lock()
				took = append(took, time.Since(begin))
				mu.Unlock()
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return took
}

func quantiles(took []time.Duration) string {
	slices.Sort(took)
	at := func(q float64) time.Duration { return took[int(q*float64(len(took)-1))].Round(100 * time.Microsecond) }
	return fmt.Sprintf("p50 %v, p99 %v", at(.5), at(.99))
}

// handlerTimes tells the handler's quantiles, as upper bounds of its histogram.
func (r *replica) handlerTimes() string {
	answer, err := http.Get("http://" + r.metrics + "/metrics")
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	b, _ := io.ReadAll(answer.Body)
	type bucket struct{ le, n float64 }
	var buckets []bucket
	for line := range strings.Lines(string(b)) {
		rest, ok := strings.CutPrefix(line, `wayside_operator_admission_seconds_bucket{le="`)
		if !ok {
			continue
		}
		le, count, _ := strings.Cut(rest, `"} `)
		var k bucket
		k.le, _ = strconv.ParseFloat(le, 64)
		k.n, _ = strconv.ParseFloat(strings.TrimSpace(count), 64)
		buckets = append(buckets, k)
	}
	if len(buckets) == 0 {
		return "no questions"
	}
	total := buckets[len(buckets)-1].n
	out := fmt.Sprintf("%.0f questions", total)
	for _, q := range []float64{.5, .99} {
		for _, k := range buckets {
			if k.n >= q*total {
				out += fmt.Sprintf(", p%.0f ≤ %v ms", q*100, k.le*1000)
				break
			}
		}
	}
	return out
}
