package manifests

import (
	"fmt"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// checks are what every rendering goes through; each returns what it found wrong.
var checks = map[string]func(*rendered) []string{
	"namespaces":           checkNamespaces,
	"labels":               checkLabels,
	"pod security":         checkStandards,
	"resources":            checkResources,
	"selectors":            checkSelectors,
	"services":             checkServices,
	"network policies":     checkNetworkPolicies,
	"monitors":             checkMonitors,
	"service accounts":     checkAccounts,
	"permissions":          checkPermissions,
	"agents' arguments":    checkArguments,
	"nothing secret":       checkSecrets,
	"images can be pinned": checkImages,
}

func check(t *testing.T, r *rendered) {
	t.Helper()
	if len(r.objects) == 0 {
		t.Errorf("%s makes nothing", r.from)
	}
	for name, check := range checks {
		for _, finding := range check(r) {
			t.Errorf("%s: %s: %s", r.from, name, finding)
		}
	}
}

func TestKustomizations(t *testing.T) {
	for _, dir := range kustomizations(t) {
		t.Run(strings.TrimPrefix(dir, deploy+"/kubernetes/"), func(t *testing.T) {
			r := kustomize(t, dir)
			check(t, r)
			checkConfigurations(t, r)
			if again := kustomize(t, dir); string(again.text) != string(r.text) {
				t.Error("a second rendering differs from the first")
			}
		})
	}
}

// clusterWide are the kinds that have no namespace.
var clusterWide = []string{
	"Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "SecurityContextConstraints",
	"MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "PriorityClass",
}

// Nothing depends on the namespace that kubectl happens to be in.
func checkNamespaces(r *rendered) (findings []string) {
	there := map[string]bool{}
	for _, ns := range all[*corev1.Namespace](r) {
		there[ns.Name] = true
	}
	for _, o := range r.objects {
		switch wide := contains(clusterWide, kindOf(o)); {
		case wide && o.GetNamespace() != "":
			findings = append(findings, nameOf(o)+" has a namespace, and is of none")
		case !wide && o.GetNamespace() == "":
			findings = append(findings, nameOf(o)+" has no namespace")
		case !wide && !there[o.GetNamespace()] && !r.chart:
			findings = append(findings, nameOf(o)+" is in a namespace that is not made")
		}
	}
	return findings
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

func checkLabels(r *rendered) (findings []string) {
	for _, o := range r.objects {
		if got := o.GetLabels()["app.kubernetes.io/part-of"]; got != "wayside" && o.GetLabels()["app.kubernetes.io/name"] != "example" {
			findings = append(findings, fmt.Sprintf("%s is part of %q, want wayside", nameOf(o), got))
		}
	}
	return findings
}

// Pods keep to the standard that their namespace enforces, restricted if it is not
// made here; and a namespace allows no more than its pods need.
func checkStandards(r *rendered) (findings []string) {
	levels := map[string]api.Level{}
	for _, ns := range all[*corev1.Namespace](r) {
		levels[ns.Name] = api.Level(ns.Labels[api.EnforceLevelLabel])
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return []string{err.Error()}
	}
	needed := map[string]bool{}
	for _, w := range workloads(r) {
		level, ok := levels[w.GetNamespace()]
		if !ok {
			level = api.LevelRestricted
		}
		if r.privileged {
			level = api.LevelPrivileged
		}
		if level == "" {
			findings = append(findings, "Namespace "+w.GetNamespace()+" enforces no standard ("+api.EnforceLevelLabel+")")
			continue
		}
		for _, l := range []api.Level{api.LevelRestricted, level} {
			result := policy.AggregateCheckResults(evaluator.EvaluatePod(
				api.LevelVersion{Level: l, Version: api.LatestVersion()}, &w.pod.ObjectMeta, &w.pod.Spec))
			needed[w.GetNamespace()] = needed[w.GetNamespace()] || l == api.LevelRestricted && !result.Allowed
			if l == level && !result.Allowed {
				findings = append(findings, fmt.Sprintf("%s breaks %s: %s", nameOf(w), level, result.ForbiddenDetail()))
			}
		}
	}
	for name, level := range levels {
		if level != api.LevelRestricted && !needed[name] {
			findings = append(findings, fmt.Sprintf("Namespace %s allows %s, and its pods need restricted alone", name, level))
		}
	}
	return findings
}

// A pod without requests and limits breaks quotas and autoscaling.
func checkResources(r *rendered) (findings []string) {
	for _, w := range workloads(r) {
		for _, c := range containers(&w.pod.Spec) {
			for what, missing := range map[string]bool{
				"request of cpu":    c.Resources.Requests.Cpu().IsZero(),
				"request of memory": c.Resources.Requests.Memory().IsZero(),
				"limit of memory":   c.Resources.Limits.Memory().IsZero(),
			} {
				if missing {
					findings = append(findings, fmt.Sprintf("%s: container %s has no %s", nameOf(w), c.Name, what))
				}
			}
		}
	}
	return findings
}

func checkSelectors(r *rendered) (findings []string) {
	for _, w := range workloads(r) {
		if w.selector != nil && !selects(w.selector, w.pod.Labels) {
			findings = append(findings, nameOf(w)+" does not select its own pods")
		}
	}
	for _, pdb := range all[*policyv1.PodDisruptionBudget](r) {
		if len(selected(r, pdb.Namespace, pdb.Spec.Selector)) != 1 {
			findings = append(findings, nameOf(pdb)+" has to select the pods of one workload")
		}
	}
	return findings
}

func selects(s *metav1.LabelSelector, of map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && !selector.Empty() && selector.Matches(labels.Set(of))
}

// selected are the workloads of a namespace whose pods have these labels.
func selected(r *rendered, namespace string, s *metav1.LabelSelector) (found []workload) {
	for _, w := range workloads(r) {
		if w.GetNamespace() == namespace && selects(s, w.pod.Labels) {
			found = append(found, w)
		}
	}
	return found
}

func checkServices(r *rendered) (findings []string) {
	for _, s := range all[*corev1.Service](r) {
		backends := selected(r, s.Namespace, &metav1.LabelSelector{MatchLabels: s.Spec.Selector})
		if len(backends) != 1 {
			findings = append(findings, fmt.Sprintf("%s leads to %d workloads, want 1", nameOf(s), len(backends)))
			continue
		}
		for _, p := range s.Spec.Ports {
			target := p.TargetPort
			if target == (intstr.IntOrString{}) {
				target = intstr.FromInt32(p.Port)
			}
			if _, err := portOf(&backends[0].pod.Spec, target, p.Protocol); err != nil {
				findings = append(findings, fmt.Sprintf("%s, port %s: %v", nameOf(s), p.Name, err))
			}
		}
	}
	return findings
}

func checkNetworkPolicies(r *rendered) (findings []string) {
	for _, np := range all[*networkingv1.NetworkPolicy](r) {
		pods := selected(r, np.Namespace, &np.Spec.PodSelector)
		if len(pods) != 1 {
			findings = append(findings, fmt.Sprintf("%s is about %d workloads, want 1", nameOf(np), len(pods)))
			continue
		}
		open := map[string]bool{}
		for _, rule := range np.Spec.Ingress {
			for _, p := range rule.Ports {
				found, err := portOf(&pods[0].pod.Spec, *p.Port, *p.Protocol)
				if err != nil {
					findings = append(findings, nameOf(np)+": "+err.Error())
				}
				open[found.Name] = true
			}
		}
		for _, c := range containers(&pods[0].pod.Spec) {
			for _, p := range c.Ports {
				if !open[p.Name] {
					findings = append(findings, fmt.Sprintf("%s lets nobody to port %s", nameOf(np), p.Name))
				}
			}
		}
	}
	return findings
}

// A monitor for pods that are made here names a port that they have.
func checkMonitors(r *rendered) (findings []string) {
	for _, m := range all[*monitoringv1.PodMonitor](r) {
		for _, w := range workloads(r) {
			if !selects(&m.Spec.Selector, w.pod.Labels) {
				continue
			}
			for _, e := range m.Spec.PodMetricsEndpoints {
				if _, err := portOf(&w.pod.Spec, intstr.FromString(*e.Port), corev1.ProtocolTCP); err != nil {
					findings = append(findings, fmt.Sprintf("%s, %s: %v", nameOf(m), nameOf(w), err))
				}
			}
		}
	}
	return findings
}

// Agents talk to no API server: they have no token to lose.
func checkAccounts(r *rendered) (findings []string) {
	there := map[string]*corev1.ServiceAccount{}
	for _, sa := range all[*corev1.ServiceAccount](r) {
		there[sa.Namespace+"/"+sa.Name] = sa
	}
	for _, w := range workloads(r) {
		spec := &w.pod.Spec
		name := spec.ServiceAccountName
		if name != "" && there[w.GetNamespace()+"/"+name] == nil {
			findings = append(findings, fmt.Sprintf("%s runs as %s, which is not made", nameOf(w), name))
		}
		if agentOf(spec) == nil {
			continue
		}
		mounted := spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken
		for _, m := range agentOf(spec).VolumeMounts {
			if m.MountPath == "/var/run/secrets/kubernetes.io/serviceaccount" {
				mounted = false // by something else
			}
		}
		if mounted {
			findings = append(findings, nameOf(w)+": the agent has the pod's token for the API server")
		}
	}
	return findings
}

// Who is given a role exists, and so does the role.
func checkPermissions(r *rendered) (findings []string) {
	there := map[string]bool{}
	for _, o := range r.objects {
		there[nameOf(o)] = true
	}
	bound := func(o object, role rbacv1.RoleRef, subjects []rbacv1.Subject) {
		name := role.Kind + " " + role.Name
		if role.Kind == "Role" {
			name = "Role " + o.GetNamespace() + "/" + role.Name
		}
		if !there[name] {
			findings = append(findings, nameOf(o)+" gives "+name+", which is not made")
		}
		for _, s := range subjects {
			if name := s.Kind + " " + s.Namespace + "/" + s.Name; !there[name] {
				findings = append(findings, nameOf(o)+" is for "+name+", which is not made")
			}
		}
	}
	for _, b := range all[*rbacv1.RoleBinding](r) {
		bound(b, b.RoleRef, b.Subjects)
	}
	for _, b := range all[*rbacv1.ClusterRoleBinding](r) {
		bound(b, b.RoleRef, b.Subjects)
	}
	for _, role := range all[*rbacv1.ClusterRole](r) {
		for _, rule := range role.Rules {
			if contains(rule.Resources, "*") || contains(rule.Verbs, "*") || contains(rule.APIGroups, "*") {
				findings = append(findings, nameOf(role)+" has a *: what is permitted has to be named")
			}
			if contains(rule.Resources, "secrets") {
				findings = append(findings, nameOf(role)+" is about Secrets everywhere: they are for Roles, in the namespaces that need them")
			}
		}
	}
	return findings
}

// Wherever an agent runs, nothing keeps it from starting.
func checkArguments(r *rendered) (findings []string) {
	for _, w := range workloads(r) {
		agent := agentOf(&w.pod.Spec)
		if agent == nil || contains(agent.Args, "--reporter.grpc.host-port") {
			continue
		}
		if !contains(agent.Args, "--degraded") {
			findings = append(findings, nameOf(w)+": the agent does not start with a wrong configuration (--degraded)")
		}
		if len(agent.Command) > 0 {
			findings = append(findings, nameOf(w)+": the agent has a command; its image has an entrypoint")
		}
		_, perNode := w.object.(*appsv1.DaemonSet) // whose pods are nobody's app
		for _, v := range w.pod.Spec.Volumes {
			if v.ConfigMap != nil && !perNode && (v.ConfigMap.Optional == nil || !*v.ConfigMap.Optional) && mounts(agent, v.Name) {
				findings = append(findings, nameOf(w)+": the pod waits for ConfigMap "+v.ConfigMap.Name+" (optional: true)")
			}
			if v.Secret != nil && (v.Secret.Optional == nil || !*v.Secret.Optional) && mounts(agent, v.Name) {
				findings = append(findings, nameOf(w)+": the pod waits for Secret "+v.Secret.SecretName+" (optional: true)")
			}
		}
		for _, m := range agent.VolumeMounts {
			if m.SubPath != "" || m.SubPathExpr != "" {
				findings = append(findings, nameOf(w)+": "+m.MountPath+" is mounted by a subPath, and never changes (subPath)")
			}
		}
	}
	return findings
}

func mounts(c *corev1.Container, volume string) bool {
	for _, m := range c.VolumeMounts {
		if m.Name == volume {
			return true
		}
	}
	return false
}

// Manifests are committed and copied about.
func checkSecrets(r *rendered) (findings []string) {
	for _, s := range all[*corev1.Secret](r) {
		findings = append(findings, nameOf(s)+" is in a manifest")
	}
	return findings
}

// An image is named once, by its own name or a registry's, so that it can be set to
// another or to a digest.
func checkImages(r *rendered) (findings []string) {
	for _, w := range workloads(r) {
		for _, c := range containers(&w.pod.Spec) {
			if strings.HasSuffix(c.Image, ":latest") || !strings.ContainsAny(c.Image, ":@") {
				findings = append(findings, fmt.Sprintf("%s: %s is whatever there is on that day", nameOf(w), c.Image))
			}
		}
	}
	return findings
}
