package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/internal/figures"
	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// lagIsNews is when waiting spans are more than a batch that fills.
const lagIsNews = 30 * time.Second

// judge says what there is to know, the worst first. What is the same for several
// pods is said once.
func (f Facts) judge(pods []Pod) []Finding {
	var all []Finding
	missed := false
	for _, p := range pods {
		for _, n := range f.judgePod(p) {
			i := slices.IndexFunc(all, func(o Finding) bool { return o.Says == n.Says && slices.Equal(o.Then, n.Then) })
			if i < 0 {
				all, i = append(all, n), len(all)
			}
			all[i].Pods = append(all[i].Pods, p.Name)
		}
		missed = missed || p.Gets == GetsNothing && p.Would.Inject
	}
	if len(pods) == 0 {
		all = append(all, Finding{Level: Note, Says: "There is no pod of it", Then: []string{"Pods that have ended are left out."}})
	}
	for _, t := range f.Operator.troubles(f.Now) {
		if !missed && !f.asked(pods) && t.Level != Bad { // nobody wants anything of it
			continue
		}
		all = append(all, t)
	}
	for i := range all {
		if len(all[i].Pods) == len(pods) {
			all[i].Pods = nil // all
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(b.Level.rank(), a.Level.rank()) })
	return all
}

func (f Facts) asked(pods []Pod) bool {
	return slices.ContainsFunc(pods, func(p Pod) bool { return p.Would.Asked })
}

// judgePod says of a pod first where its spans go, then what is wrong with that.
func (f Facts) judgePod(p Pod) []Finding {
	switch {
	case p.Template:
		return []Finding{f.judgeTemplate(p)}
	case p.Gets == GetsNothing && p.AgentPod == "":
		return []Finding{f.judgeNothing(p)}
	}
	all := f.judgeAgent(p)
	if p.Status != nil || !slices.ContainsFunc(all, func(o Finding) bool { return o.Level == Bad }) {
		all = slices.Insert(all, 0, Finding{Level: Good, Says: f.whereTo(p)})
	}
	switch {
	case p.Outdated:
		all = append(all, Finding{Level: Note, Says: "Made of what an earlier spec of TraceAgent " + p.Agent + " gave", Then: []string{f.restart(p)}})
	case p.Agent != "" && !p.Would.Inject:
		all = append(all, Finding{Level: Note, Says: "A pod that is made now would get nothing: " + p.Would.Reason})
	case p.Agent != "" && p.Would.Agent != p.Agent:
		all = append(all, Finding{Level: Note, Says: "A pod that is made now would have something of TraceAgent " + p.Would.Agent + " instead: " + p.Would.Reason, Then: []string{f.restart(p)}})
	}
	return all
}

// whereTo is one sentence.
func (f Facts) whereTo(p Pod) string {
	to := ""
	if e := f.endpointOf(p); e != "" {
		to = ", and from there to " + e
	}
	switch p.Gets {
	case GetsSidecar:
		return "Spans go to the agent beside the app" + to
	case GetsOwn:
		return "An agent is beside the app, which the operator did not put there; spans go to it if the app sends them to localhost" + to
	case GetsDaemonSet:
		return "Spans go to the agent of TraceAgent " + p.Agent + " on the pod's node" + to
	}
	return "The operator gave nothing, but the environment leads to the agent on the pod's node" + to
}

// endpointOf is where an agent delivers: as it says itself, or as it is told.
func (f Facts) endpointOf(p Pod) string {
	if p.Status != nil {
		var list []string
		for _, l := range p.Status.Lanes {
			for _, e := range l.Endpoints {
				if !slices.Contains(list, e.Address) {
					list = append(list, e.Address)
				}
			}
		}
		return strings.Join(list, ", ")
	}
	for _, ta := range f.Agents {
		if ta.Namespace+"/"+ta.Name == p.Agent {
			return ta.Spec.Deliver.Endpoint
		}
	}
	return ""
}

func (f Facts) judgeTemplate(p Pod) Finding {
	if !p.Would.Inject {
		return Finding{Level: cmpLevel(p.Would.Asked), Says: "There is no pod; one that starts now would get nothing: " + p.Would.Reason}
	}
	return Finding{Level: Good, Says: fmt.Sprintf("There is no pod; one that starts now would get the %s of TraceAgent %s: %s", gift(p.Would.Strategy), p.Would.Agent, p.Would.Reason)}
}

// gift is what a strategy gives a pod.
func gift(strategy string) string {
	if strategy == string(v1alpha1.DaemonSet) {
		return "environment"
	}
	return "sidecar"
}

func cmpLevel(asked bool) Level {
	if asked {
		return Warn
	}
	return Note
}

// judgeNothing is about a pod without an agent: why, and what to do.
func (f Facts) judgeNothing(p Pod) Finding {
	if !p.Would.Inject {
		n := Finding{Level: cmpLevel(p.Would.Asked), Says: "No agent: " + p.Would.Reason}
		if p.Recorded != "" && p.Recorded != p.Would.Reason {
			n.Then = append(n.Then, "When it was made, the reason was: "+p.Recorded+".")
		}
		if !p.Would.Asked && f.NamespaceLabels == nil {
			n.Then = append(n.Then, "The namespace's labels were not seen; one of them may say otherwise.")
		}
		return n
	}
	if !f.Operator.asksAbout(p.pod.Labels, f.NamespaceLabels) {
		return Finding{Level: Note, Says: "No agent: the API server asks the operator about no pod of this namespace", Then: []string{
			"kube-system and the operator's own namespace are left out, so that the cluster starts without the operator.",
		}}
	}
	n := Finding{Level: Warn, Says: fmt.Sprintf("No agent, where there should be the %s of TraceAgent %s: %s", gift(p.Would.Strategy), p.Would.Agent, p.Would.Reason)}
	n.Then = append(n.Then, f.whyMissed(p), f.restart(p))
	return n
}

// whyMissed says why a pod got nothing that would get something now.
func (f Facts) whyMissed(p Pod) string {
	if p.Recorded != "" {
		return "When it was made, the reason was: " + p.Recorded + "."
	}
	for _, ta := range f.Agents {
		if ta.Namespace+"/"+ta.Name == p.Would.Agent && p.Created.Before(ta.CreationTimestamp.Time) {
			return fmt.Sprintf("It was made %s before the TraceAgent.", figures.Age(ta.CreationTimestamp.Sub(p.Created)))
		}
	}
	if len(f.Operator.troubles(f.Now)) > 0 {
		return "The operator was not asked when it was made; what is wrong with it is said here, too."
	}
	return "The operator was not asked when it was made, or did not answer within 2 s: it was away then, or a label or TraceAgent that decides now was not yet so."
}

// restart says how a pod gets what it should.
func (f Facts) restart(p Pod) string {
	kind, name := owner(p)
	switch kind {
	case "deployment", "statefulset", "daemonset":
		return fmt.Sprintf("To have it made anew: kubectl -n %s rollout restart %s/%s", p.Namespace, kind, name)
	case "job":
		return "The pods of a Job are not made anew; its next run gets it."
	case "":
		return "Nothing makes it anew if it is deleted: delete it, and create it again."
	}
	return fmt.Sprintf("To have it made anew: kubectl -n %s delete pod %s", p.Namespace, p.Name)
}

// owner is the workload that made a pod: for a Deployment's ReplicaSet, the
// Deployment.
func owner(p Pod) (kind, name string) {
	for _, o := range p.pod.OwnerReferences {
		if o.Controller == nil || !*o.Controller {
			continue
		}
		hash := p.pod.Labels["pod-template-hash"]
		if base, ok := strings.CutSuffix(o.Name, "-"+hash); o.Kind == "ReplicaSet" && hash != "" && ok {
			return "deployment", base
		}
		return strings.ToLower(o.Kind), o.Name
	}
	return "", ""
}

// judgeAgent is about the agent that a pod's spans go to.
func (f Facts) judgeAgent(p Pod) (all []Finding) {
	add := func(l Level, says string, then ...string) {
		all = append(all, Finding{Level: l, Says: says, Then: then})
	}
	switch {
	case p.AgentPod == "" && (f.Hidden[p.Agent] || p.Node == ""):
		return all // it is not known, or the pod is on no node yet
	case p.AgentPod == "":
		add(Bad, "There is no agent on node "+p.Node+": spans get no answer there",
			"See whether the DaemonSet of TraceAgent "+p.Agent+" may run on that node: spec.daemonSet.nodeSelector and tolerations.")
		return all
	}
	switch p.AgentState {
	case "running":
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull":
		then := "Until then there is no agent on the pod's node."
		if p.Gets != GetsDaemonSet {
			then = "Until then the app does not start either: this is the one thing by which an agent can keep it from starting."
		}
		add(Bad, "The agent's image can't be pulled ("+p.AgentState+")", "Check spec.image and spec.imagePullSecrets of the TraceAgent, and the operator's --image.", then)
	default:
		l := Warn
		if p.AgentState == "CrashLoopBackOff" {
			l = Bad
		}
		add(l, "The agent does not run: "+p.AgentState, fmt.Sprintf("kubectl -n %s logs %s", strings.Replace(p.AgentPod, "/", " ", 1), "-c wayside-agent"))
	}
	if p.LastWords != "" && p.Restarts > 0 {
		then := []string{}
		if strings.HasPrefix(p.LastWords, "OOMKilled") {
			then = append(then, "It had less memory than its buffer and requests need: raise spec.resources.limits.memory, or lower spec.buffer.memory.")
		}
		add(Warn, fmt.Sprintf("The agent was restarted %s; the last time it ended with %s", times(p.Restarts), p.LastWords), then...)
	}
	if p.Status == nil {
		return all
	}
	return append(all, f.judgeStatus(p)...)
}

func times(n int32) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// judgeStatus is about what an agent says of itself.
func (f Facts) judgeStatus(p Pod) (all []Finding) {
	add := func(l Level, says string, then ...string) {
		all = append(all, Finding{Level: l, Says: says, Then: then})
	}
	if len(p.Status.Degraded) > 0 {
		add(Bad, "The agent runs degraded", p.Status.Degraded...)
	}
	if !p.Status.Ready {
		add(Warn, "The agent is starting or stopping, and takes in no spans now")
	}
	for _, l := range p.Status.Lanes {
		if err := l.check(); err != nil {
			add(Bad, "The agent's ledger does not add up: this is a bug of the agent", err.Error()+". Please report it.")
		}
		var lost uint64
		var then []string
		for _, loss := range l.losses() {
			then = append(then, strings.TrimSpace(fmt.Sprintf("%s: %s %s", loss.count(), loss.What, loss.Fix)))
			if strings.HasPrefix(loss.Way, "dropped.") {
				lost += loss.Count
			}
		}
		switch {
		case lost > 0:
			add(Warn, figures.Count(lost, "span")+" lost since the agent began", then...)
		case len(then) > 0:
			add(Note, "Not everything got in since the agent began", then...)
		}
		failing := 0
		then = nil
		for _, e := range l.Endpoints {
			if e.State == ledger.EndpointBackoff || e.State == ledger.EndpointHeld {
				failing++
				then = append(then, endpoint(e, f.Now)+".")
			}
		}
		waits := figures.Count(l.Buffered, "span") + " in the buffer"
		if l.Buffer.OldestAge > 0 {
			waits += ", the oldest for " + figures.Age(time.Duration(l.Buffer.OldestAge*float64(time.Second)))
		}
		switch {
		case failing > 0 && failing == len(l.Endpoints):
			add(Warn, "The collector can't be delivered to: "+waits, then...)
		case failing > 0:
			add(Note, fmt.Sprintf("%d of %d collectors fail; spans go to the others", failing, len(l.Endpoints)), then...)
		case l.Buffer.OldestAge > lagIsNews.Seconds():
			add(Warn, "Delivery lags: "+waits)
		case l.in() == 0 && len(p.Status.Degraded) == 0:
			add(Note, "No span has come to the agent yet", "If the app makes some: see that its exporter is on, and where its environment sends them.")
		}
	}
	return all
}
