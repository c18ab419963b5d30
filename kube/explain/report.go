package explain

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
)

// A Level is how much a person should worry.
type Level string

// The levels, the worst last.
const (
	Good Level = "good"
	Note Level = "note"
	Warn Level = "warn"
	Bad  Level = "bad"
)

// rank orders levels.
func (l Level) rank() int {
	switch l {
	case Bad:
		return 3
	case Warn:
		return 2
	case Note:
		return 1
	}
	return 0
}

// Finding is one thing to know: a sentence, and what it means or needs.
type Finding struct {
	Level Level    `json:"level"`
	Says  string   `json:"says"`
	Then  []string `json:"then,omitempty"`
	// Pods are those that it is about, if not all.
	Pods []string `json:"pods,omitempty"`
}

// Report is what there is to say. Its JSON may grow, and keeps what is there.
type Report struct {
	Subject Subject `json:"subject"`
	// Findings are in order, the worst first. There is always one.
	Findings []Finding     `json:"findings"`
	Pods     []Pod         `json:"pods"`
	Agents   []AgentReport `json:"trace_agents"`
	Operator string        `json:"operator"`
	Unknown  []Gap         `json:"unknown,omitempty"`

	now time.Time
}

// What a pod has.
const (
	GetsSidecar   = "sidecar"     // an agent of its own, by the operator
	GetsDaemonSet = "daemonset"   // its environment, by the operator
	GetsOwn       = "own sidecar" // an agent that is in its manifest, or that a policy added
	GetsNothing   = "nothing"
)

// Pod is what became of one.
type Pod struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	Node      string    `json:"node,omitempty"`
	Phase     string    `json:"phase"`
	Created   time.Time `json:"created"`
	// Template is true for a pod that does not exist, but would be made.
	Template bool `json:"template,omitempty"`

	Gets string `json:"gets"`
	// Agent is the TraceAgent that it has something of: "shop/default".
	Agent    string `json:"trace_agent,omitempty"`
	Revision string `json:"revision,omitempty"`
	Outdated bool   `json:"outdated"`

	// Would is what would be decided if it were made now, with the same words as the
	// webhook: whether it gets anything, of which TraceAgent, and why.
	Would Would `json:"would"`
	// Recorded is why it was not injected when it was made, if that was recorded.
	Recorded string `json:"recorded_reason,omitempty"`

	Environment []Container `json:"environment"`

	// AgentPod is where its agent runs: itself, or the one on its node.
	AgentPod   string   `json:"agent_pod,omitempty"`
	AgentState string   `json:"agent_state,omitempty"`
	Restarts   int32    `json:"agent_restarts"`
	LastWords  string   `json:"agent_last_words,omitempty"` // of an agent that ended
	Agents     []string `json:"-"`
	Status     *Status  `json:"agent_status,omitempty"`
	StatusErr  string   `json:"agent_status_error,omitempty"`
	Losses     []Loss   `json:"losses,omitempty"`

	pod *corev1.Pod
}

// Would is a decision.
type Would struct {
	Inject   bool     `json:"inject"`
	Asked    bool     `json:"asked"`
	Agent    string   `json:"trace_agent,omitempty"`
	Strategy string   `json:"strategy,omitempty"`
	Revision string   `json:"revision,omitempty"`
	Code     string   `json:"code"`
	Reason   string   `json:"reason"`
	Notes    []string `json:"notes,omitempty"`
}

// Container is what an app's container has in its environment that decides where
// its spans go.
type Container struct {
	Name string `json:"name"`
	Env  []Env  `json:"env,omitempty"`
}

// Env is one variable. Value is in words where it comes from somewhere else.
type Env struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// AgentReport is one TraceAgent that pods here may have something of.
type AgentReport struct {
	Namespace string              `json:"namespace"`
	Name      string              `json:"name"`
	Strategy  v1alpha1.Strategy   `json:"strategy"`
	Endpoint  string              `json:"endpoint"`
	Accepted  string              `json:"accepted,omitempty"` // of the condition: True, False
	Ready     string              `json:"ready,omitempty"`
	Why       string              `json:"why,omitempty"` // of a condition that is not True
	Pods      *v1alpha1.PodCounts `json:"pods,omitempty"`
}
