package main

const usage = `wayside-operator puts Wayside's agents into a Kubernetes cluster, as objects of
kind TraceAgent say: one agent a node (DaemonSet), or one in every pod (Sidecar).

Usage:
  wayside-operator --image IMAGE [flags]
  wayside-operator version

It makes a DaemonSet, or answers the API server when pods are made and adds the
agent to them; it never changes or restarts a pod that runs, never refuses one, and
reads no Secret but that of its own certificate. Any number of replicas answer; one
of them, the leader, makes objects and writes status.

What agents are there:
  --image IMAGE      the agent's, for TraceAgents that name none
  --image-pull-policy POLICY
                     Always, IfNotPresent or Never; as Kubernetes has it
  --daemonset-namespaces NAMES
                     in which namespaces a TraceAgent may be a DaemonSet, which
                     touches every node; separated by commas, "" is none; as it is,
                     --namespace. The operator needs a Role in each.
  --default-agent [NAMESPACE/]NAME
                     the TraceAgent for pods that no other serves, if it exists;
                     "" is none; as it is, "default" in --namespace

Where it is:
  --namespace NAME   its own namespace; as it is, that in $POD_NAMESPACE, or
                     wayside-system
  --kubeconfig FILE  how to reach the API server; as it is, as a pod does, or else
                     $KUBECONFIG or ~/.kube/config
  --webhook ADDR     where the API server asks about pods, HTTPS; :9443
  --webhook-url URL  how API servers reach that if not by the Service
                     wayside-operator in --namespace: for an operator that runs
                     outside of the cluster
  --health ADDR      /healthz and /readyz; :8081
  --metrics ADDR     /metrics; :8080, 0 turns it off

How it runs:
  --leader-election=false
                     without a Lease: for one replica, in tests
  --leave-after TIME how long it still answers when it is told to end, until API
                     servers have turned to another replica; 5s
  --certificate-life TIME
  --authority-life TIME
                     of the certificate that the webhook shows, which is renewed
                     after two thirds, and of the authority that signs it; both
                     are in the Secret wayside-operator-certificate; 168h, 87600h
  --log-level LEVEL  debug, info, warn or error; info
  --log-format NAME  text or json; text
  --help             this text
  --version          which build this is

SIGTERM and SIGINT end it; a second one ends it at once.

Exit status: 0 after an orderly end, 1 if it can't go on, 2 if the command line is
wrong.
`
