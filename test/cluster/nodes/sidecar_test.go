//go:build cluster

package nodes

import (
	"encoding/json"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
)

const sidecar = "wayside-agent"

// TestSidecarDeployment: a pod's apps send to localhost, by OTLP and by UDP, under the restricted standard; the agent
// says whose spans they are, and what the apps send last arrives, too.
func TestSidecarDeployment(t *testing.T) {
	t.Parallel()
	s := newSpace(t, restricted)
	c := s.collect(nil)
	const replicas = 2
	s.apply("deployment.yaml", values{
		"Name": "shop", "Replicas": replicas, "Endpoint": c.endpoint(),
		"Apps": []values{
			{"Name": "grpc", "Command": "tell", "Env": values{
				"SPANS": 1_000_000, "EVERY": "5ms", "OTEL_SERVICE_NAME": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc",
				"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4317",
			}},
			{"Name": "jaeger", "Command": "tell", "Env": values{
				"SPANS": 1_000_000, "EVERY": "5ms", "CLIENT": "jaeger", "JAEGER_SERVICE_NAME": "jaeger", "JAEGER_AGENT_HOST": "localhost",
			}},
		},
	})
	pods := s.ready("shop", replicas)
	time.Sleep(2 * time.Second) // of spans
	endings := s.watchEndings("shop")
	s.remove(&appsv1.Deployment{}, "shop")
	s.gone("shop")
	for _, p := range pods {
		last, ok := endings()[p.Name]
		if !ok {
			t.Fatalf("nobody saw how %s ended", p.Name)
		}
		total := 0
		for _, app := range []string{"grpc", "jaeger"} {
			said := s.said(lastWords(last, app))
			if said.Begun == 0 || said.Sent != said.Begun {
				t.Errorf("%s, %s: %+v", p.Name, app, said)
			}
			total += said.Begun
			c.has(said.Begun, map[string]string{
				"service.name": app, "k8s.pod.name": p.Name, "k8s.node.name": p.Spec.NodeName, "k8s.namespace.name": s.name,
			})
		}
		if e := s.ended(last, sidecar); e["delivered"] != uint64(total) || e["dropped"] != 0 {
			t.Errorf("%s: its apps sent %d spans, and the account says %v", p.Name, total, e)
		}
	}
}

// TestJobs: what a Job's pod sends last arrives before the pod is gone, 100 times of 100.
func TestJobs(t *testing.T) {
	t.Parallel()
	s := newSpace(t, restricted)
	c := s.collect(nil)
	const jobs, spans = 100, 7
	s.apply("job.yaml", values{"Name": "batch", "Completions": jobs, "Parallelism": 12, "Spans": spans, "Endpoint": c.endpoint()})
	pods := s.succeeded("batch", jobs)
	// They have ended: nothing can arrive any more.
	for _, p := range pods {
		if got := c.unique(map[string]string{"k8s.pod.name": p.Name}); got != spans {
			t.Errorf("%d spans of %s arrived, of %d", got, p.Name, spans)
		}
		if e := s.ended(p, sidecar); e["delivered"] != spans || e["accepted"] != spans {
			t.Errorf("%s: %v", p.Name, e)
		}
		s.restarts(p, sidecar)
	}
}

// TestJobWithoutCollector: the Job ends all the same, and the agent's last words are what was lost.
func TestJobWithoutCollector(t *testing.T) {
	t.Parallel()
	s := newSpace(t, restricted)
	c := s.collect(nil)
	c.down()
	const spans = 25
	s.apply("job.yaml", values{"Name": "lonely", "Completions": 1, "Parallelism": 1, "Spans": spans, "Endpoint": c.endpoint(), "DrainTimeout": "2s"})
	p := s.succeeded("lonely", 1)[0]
	if e := s.ended(p, sidecar); e["accepted"] != spans || e["dropped_shutdown"] != spans {
		t.Errorf("of %d spans the account says %v", spans, e)
	}
	if got := c.unique(nil); got != 0 {
		t.Errorf("%d spans arrived at a collector that was down", got)
	}
}

// TestMemory: 10,000 spans a second with the collector down, under limits.memory of 20Mi; the agent is not restarted, and
// all is delivered afterwards.
func TestMemory(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"otlp-grpc", "jaeger-udp"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			s := newSpace(t, restricted)
			c := s.collect(nil)
			c.down()
			to := map[string]string{"otlp-grpc": "localhost:4317", "jaeger-udp": "127.0.0.1:6831"}[protocol]
			s.apply("deployment.yaml", values{
				"Name": "flood", "Replicas": 1, "Endpoint": c.endpoint(), "Disk": true,
				"Apps": []values{{"Name": "app", "Command": "flood", "Env": values{
					"TO": to, "PROTOCOL": protocol, "RATE": 10_000, "FOR": "40s", "LINGER": "yes",
				}}},
			})
			pod := s.ready("flood", 1)[0]
			var sent struct {
				Spans   uint64
				Refused map[string]uint64
			}
			s.await("the end of the flood", func() error { return json.Unmarshal(s.log(pod.Name, "app"), &sent) })
			held := s.account(pod.Name, 14271)
			// On a busy machine a disk may be too slow for a while. Senders are told then, and the
			// rest still is far more than memory holds.
			if len(sent.Refused) > 0 {
				t.Logf("requests were refused: %v", sent.Refused)
			}
			if sent.Spans < 100_000 {
				t.Errorf("only %d spans were taken", sent.Spans)
			}
			// Nobody acknowledges a datagram: what the socket had no room for is counted in packets.
			const packet = 20
			if in := held.Accepted + packet*held.KernelDrops; in != sent.Spans {
				t.Errorf("%d spans were sent, %d accepted, and %d packets dropped by the kernel", sent.Spans, held.Accepted, held.KernelDrops)
			}
			if held.Delivered != 0 {
				t.Errorf("%d spans were delivered while the collector was down", held.Delivered)
			}
			c.up()
			after := s.settled(pod.Name, 14271)
			if after.Delivered != after.Accepted || after.Dropped.Sum() != 0 {
				t.Errorf("the account says %+v", after.Account)
			}
			c.has(int(after.Accepted), map[string]string{"k8s.pod.name": pod.Name})
			s.restarts(s.ready("flood", 1)[0], sidecar)
			t.Logf("%d spans were sent in 40 s, %d packets dropped by the kernel; all others were held and delivered", sent.Spans, held.KernelDrops)
		})
	}
}
