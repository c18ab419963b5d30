package reconcile

import "github.com/prometheus/client_golang/prometheus"

var podsDesc = prometheus.NewDesc("wayside_operator_pods",
	"Pods of a TraceAgent: injected have what they should; missed have no agent of it and should, outdated have what an earlier spec said (restarting mends both); refused can't be injected as they are.",
	[]string{"namespace", "trace_agent", "state"}, nil)

// Describe is for prometheus.Collector.
func (c *Counter) Describe(to chan<- *prometheus.Desc) { to <- podsDesc }

// Collect gives the last count, where there is one: on the leader.
func (c *Counter) Collect(to chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		return
	}
	for key, t := range c.counts.Of {
		for state, n := range map[string]int32{"injected": t.Injected, "missed": t.Missed, "outdated": t.Outdated, "refused": t.Refused} {
			to <- prometheus.MustNewConstMetric(podsDesc, prometheus.GaugeValue, float64(n), key.Namespace, key.Name, state)
		}
	}
}
