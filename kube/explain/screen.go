package explain

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/wayside-tracing/wayside/internal/figures"
)

// maxRows is how many pods a screen has a line for.
const maxRows = 15

// Write writes a report for people, in the width of a screen in lines that a
// terminal may break.
func (r Report) Write(w io.Writer) error {
	var b strings.Builder
	one := len(r.Pods) == 1 && (r.Subject.Kind == "pod" || r.Pods[0].Template)
	b.WriteString(r.title(one) + "\n")
	for _, f := range r.Findings {
		b.WriteString("\n" + mark(f.Level) + about(f.Pods) + sentence(f.Says) + "\n")
		for _, t := range f.Then {
			b.WriteString("    " + sentence(t) + "\n")
		}
	}
	b.WriteString("\n")
	if one {
		r.writePod(&b, r.Pods[0])
	} else {
		r.writePods(&b)
	}
	r.writeRest(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// mark begins a finding: what is bad is seen without colours, too.
func mark(l Level) string {
	switch l {
	case Bad:
		return "!!  "
	case Warn:
		return "!   "
	case Note:
		return "-   "
	}
	return "ok  "
}

// about names the pods of a finding that is not about all.
func about(pods []string) string {
	switch n := len(pods); {
	case n == 0:
		return ""
	case n <= 2:
		return strings.Join(pods, ", ") + ": "
	default:
		return fmt.Sprintf("%s and %d more: ", pods[0], n-1)
	}
}

// sentence ends in a full stop, but for a command, which is to be copied.
func sentence(s string) string {
	if s == "" || strings.Contains(s, "kubectl ") || strings.ContainsAny(s[len(s)-1:], ".!?") {
		return s
	}
	return s + "."
}

func (r Report) title(one bool) string {
	if !one {
		return r.Subject.String() + ": " + figures.Count(len(r.Pods), "pod")
	}
	p := r.Pods[0]
	s := r.Subject.String()
	if p.Template {
		return s + ": no pod"
	}
	if p.Node != "" {
		s += " on " + p.Node
	}
	return s + ", " + cmp.Or(p.Phase, "?") + ", made " + figures.Age(r.now.Sub(p.Created)) + " ago"
}

// line is a row of facts.
func line(b *strings.Builder, name, format string, args ...any) {
	fmt.Fprintf(b, "  %-10s %s\n", name, fmt.Sprintf(format, args...))
}

func (r Report) writePod(b *strings.Builder, p Pod) {
	if !p.Template {
		line(b, "gets", "%s", gets(p))
	}
	if p.Gets != GetsNothing || p.AgentPod != "" { // else it has been said
		line(b, "why", "%s", p.Would.Reason)
	}
	for _, n := range p.Would.Notes {
		line(b, "", "%s", n)
	}
	name := "env"
	for _, c := range p.Environment {
		for _, e := range c.Env {
			line(b, name, "%s: %s=%s", c.Name, e.Name, e.Value)
			name = ""
		}
	}
	if name != "" && !p.Template {
		line(b, name, "nothing in it says where spans go")
	}
	if p.AgentPod != "" {
		r.writeAgent(b, p)
	}
}

// given is what a pod was given.
func given(p Pod) string {
	if p.Gets == GetsDaemonSet {
		return "environment"
	}
	return p.Gets
}

// gets is what a pod has, in a few words.
func gets(p Pod) string {
	s := p.Gets
	if p.Agent != "" && p.Gets != GetsNothing {
		s = given(p) + " of TraceAgent " + p.Agent
	}
	if p.Revision != "" {
		s += ", revision " + p.Revision
		switch {
		case p.Outdated:
			s += ", outdated (" + p.Would.Revision + " now)"
		case p.Would.Revision == p.Revision:
			s += ", current"
		}
	}
	return s
}

func (r Report) writeAgent(b *strings.Builder, p Pod) {
	where := "in this pod"
	if p.Gets == GetsDaemonSet || p.Gets == GetsNothing {
		where = "pod " + p.AgentPod
	}
	s := p.AgentState
	if p.Status != nil {
		s = fmt.Sprintf("%s, %s for %s", p.Status.Version, s, figures.Age(r.now.Sub(p.Status.Started)))
	}
	line(b, "agent", "%s: %s, restarted %s", where, s, figures.Count(int(p.Restarts), "time"))
	if p.Status == nil {
		if p.StatusErr != "" {
			line(b, "ledger", "not seen, see below")
		}
		return
	}
	for _, l := range p.Status.Lanes {
		for _, e := range l.Endpoints {
			line(b, "collector", "%s", endpoint(e, r.now))
		}
		line(b, "ledger", "%s", l.equation())
		if p.Gets == GetsDaemonSet || p.Gets == GetsNothing {
			line(b, "", "of all pods on %s together", p.Node)
		}
	}
	if len(p.Losses) == 0 {
		line(b, "lost", "nothing")
	}
	name := "lost"
	for _, l := range p.Losses {
		line(b, name, "%s %s", l.count(), l.Way)
		name = ""
	}
}

func (r Report) writePods(b *strings.Builder) {
	if len(r.Pods) == 0 {
		return
	}
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  POD\tNODE\tGETS\tREVISION\tAGENT\tLEDGER")
	var total Lane
	counted := map[string]bool{}
	for i, p := range r.Pods {
		ledger := "-"
		if p.Status != nil {
			for _, l := range p.Status.Lanes {
				ledger = fmt.Sprintf("%s in, %s out, %s kept, %s lost", figures.Grouped(l.in()), figures.Grouped(l.Delivered), figures.Grouped(l.Buffered), figures.Grouped(l.dropped()))
				if !counted[p.AgentPod+"/"+l.Name] { // pods share a node's
					total.Accepted += l.in()
					total.Delivered += l.Delivered
					total.Buffered += l.Buffered
					total.Dropped = map[string]uint64{"": total.dropped() + l.dropped()}
				}
				counted[p.AgentPod+"/"+l.Name] = true
			}
		}
		if i >= maxRows {
			continue
		}
		revision := cmp.Or(p.Revision, "-")
		switch {
		case p.Outdated:
			revision += ", old"
		case p.Gets == GetsNothing && p.Would.Inject:
			revision = "missed"
		}
		of := p.Gets
		if p.Agent != "" {
			of = given(p) + " of " + p.Agent
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\n", p.Name, cmp.Or(p.Node, "-"), of, revision, cmp.Or(p.AgentState, "-"), ledger)
	}
	t.Flush()
	if n := len(r.Pods) - maxRows; n > 0 {
		fmt.Fprintf(b, "  and %s more; --json has all\n", figures.Grouped(n))
	}
	if len(counted) > 1 {
		fmt.Fprintf(b, "  %d agents together: %s in, %s out, %s kept, %s lost\n", len(counted), figures.Grouped(total.Accepted),
			figures.Grouped(total.Delivered), figures.Grouped(total.Buffered), figures.Grouped(total.dropped()))
	}
	b.WriteString("\n")
}

// writeRest is what a report ends with: TraceAgents, the operator, and what is
// not known.
func (r Report) writeRest(b *strings.Builder) {
	name := "agents"
	for _, a := range r.Agents {
		s := fmt.Sprintf("TraceAgent %s/%s: %s, to %s", a.Namespace, a.Name, a.Strategy, a.Endpoint)
		if a.Accepted == "False" {
			s += ", not accepted"
		} else if a.Ready == "False" {
			s += ", not ready"
		}
		if a.Why != "" {
			s += ": " + a.Why
		}
		if a.Pods != nil {
			s += fmt.Sprintf("; pods: %d injected, %d missed, %d outdated", a.Pods.Injected, a.Pods.Missed, a.Pods.Outdated)
		}
		line(b, name, "%s", s)
		name = ""
	}
	line(b, "operator", "%s", r.Operator)
	name = "not seen"
	for _, g := range r.Unknown {
		line(b, name, "%s: %s", g.What, strings.ReplaceAll(g.Why, "\n", "; "))
		name = ""
	}
}
