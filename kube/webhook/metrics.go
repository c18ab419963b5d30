package webhook

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wayside-tracing/wayside/kube/inject"
)

// Metrics count answers and time them.
type Metrics struct {
	answers *prometheus.CounterVec
	seconds prometheus.Histogram
}

// NewMetrics registers them.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wayside_operator_admissions_total",
			Help: "Pods that the webhook was asked about, by what was decided.",
		}, []string{"decision"}), // one of inject's codes, or of the handler's
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "wayside_operator_admission_seconds",
			Help:    "How long an answer took, from its question's first byte.",
			Buckets: []float64{.00025, .0005, .001, .002, .003, .005, .01, .025, .1, .5, 2},
		}),
	}
	for _, c := range []prometheus.Collector{m.answers, m.seconds} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *Metrics) count(code inject.Code) { m.answers.WithLabelValues(string(code)).Inc() }

func (m *Metrics) observe(code inject.Code, took time.Duration) {
	m.count(code)
	m.seconds.Observe(took.Seconds())
}
