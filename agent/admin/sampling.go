package admin

import (
	"cmp"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// sampling is what tracers are told of how much to sample.
func (m *exposition) sampling(s ledger.Sampling) {
	m.family("wayside_agent_sampling_answers_total", "counter", "Answers to tracers that asked for a sampling strategy, by how they asked and by what they got.")
	for _, api := range []struct {
		name   string
		counts ledger.SamplingCounts
	}{{"http", s.Answers.HTTP}, {"http_legacy", s.Answers.Legacy}, {"grpc", s.Answers.GRPC}} {
		m.sample(float64(api.counts.Fresh), "api", api.name, "result", "fresh")
		m.sample(float64(api.counts.Stale), "api", api.name, "result", "stale")
		m.sample(float64(api.counts.Failed), "api", api.name, "result", "failed")
		m.sample(float64(api.counts.Off), "api", api.name, "result", "off")
	}
	for _, f := range []struct {
		name, kind, help string
		value            float64
	}{
		{"services", "gauge", "Services that the strategies file names, or whose answers are kept.", float64(s.Services)},
		{"source_up", "gauge", "1 while the source of strategies answers, else 0.", oneIf(s.State == ledger.SamplingOK)},
		{"source_requests_total", "counter", "Questions to the source of strategies.", float64(s.Requests)},
		{"source_failures_total", "counter", "Those that it had no answer to.", float64(s.Failures)},
		{"source_last_success_timestamp_seconds", "gauge", "When it last answered; 0 is never.", seconds(s.LastOKAt)},
		{"source_last_error_timestamp_seconds", "gauge", "When it last failed; 0 is never.", seconds(s.LastErrorAt)},
		{"source_retry_in_seconds", "gauge", "How long until it is asked again; 0 when it does not fail.", s.RetryIn},
	} {
		m.family("wayside_agent_sampling_"+f.name, f.kind, f.help)
		m.sample(f.value)
	}
}

// sampling is a table of one row, once there is a source or somebody has asked.
func (p *page) sampling(now time.Time, s ledger.Sampling) {
	asked := s.Answers.Sum()
	if s.Source == "" && asked == 0 {
		return
	}
	class, word := idle, "nobody has asked yet"
	switch s.State {
	case ledger.SamplingNoSource:
		word = "off"
	case ledger.SamplingOK:
		class, word = good, "answers"
	case ledger.SamplingFailing:
		class, word = warn, "failing"
	}
	p.WriteString("<h2>Sampling strategies <small>what tracers are told</small></h2>\n<div class=\"card scroll\"><table class=\"stack\"><thead><tr><th>Source<th>State<th class=\"n\">Services<th class=\"n\">Answers<th class=\"n\">Out of date<th class=\"n\">Errors<th>Last error</tr></thead><tbody>\n")
	a := s.Answers
	stale := a.HTTP.Stale + a.Legacy.Stale + a.GRPC.Stale
	failed := a.HTTP.Failed + a.Legacy.Failed + a.GRPC.Failed + a.HTTP.Off + a.Legacy.Off + a.GRPC.Off
	p.put("<tr><th><code>%s</code></th><td><span class=\"tag %s\">%s</span>", cmp.Or(s.Source, "none"), class.String(), word)
	if s.RetryIn > 0 {
		p.put("<p class=\"soft\">next try in %s</p>", age(fromSeconds(s.RetryIn)))
	}
	p.put("</td><td class=\"n\" data-name=\"services\">%s</td><td class=\"n\" data-name=\"answers\">%s</td><td class=\"n\" data-name=\"out of date\">%s</td><td class=\"n\" data-name=\"errors\">%s</td>",
		count(uint64(s.Services)), count(asked-stale-failed), count(stale), count(failed))
	p.put("<td><p data-name=\"last error\">%s</p>", cmp.Or(s.LastError, "none"))
	if s.LastErrorAt != nil {
		p.put("<p class=\"soft\">%s ago</p>", age(now.Sub(*s.LastErrorAt)))
	}
	p.WriteString("</td></tr>\n</tbody></table></div>\n")
}

// judgeSampling says what a source that fails means.
func judgeSampling(s ledger.Sampling) []finding {
	if s.State != ledger.SamplingFailing {
		return nil
	}
	then := "Tracers are told what it said last; those of a service that it has not been asked for keep to their own sampling."
	if s.LastOKAt == nil {
		then = "It has never said anything: tracers keep to their own sampling. Is sampling.source right?"
	}
	return []finding{{warn, "Sampling strategies can't be had from " + s.Source, []string{s.LastError + ".", then}}}
}
