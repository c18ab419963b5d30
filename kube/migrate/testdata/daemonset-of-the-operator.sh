#!/bin/sh -eu
# What there is of the old agents, and what moves it to Wayside. Nothing has been
# changed so far: read it, and run it step by step. Where manifests are kept
# elsewhere (Git, Helm), the same changes belong there.
#
#   found: daemonset/simple-agent-daemonset in tracing: the Jaeger Agent (jaegertracing/jaeger-agent:1.62.0)

# 1. namespace tracing: TraceAgent node, in place of daemonset/simple-agent-daemonset
#   Strategy DaemonSet is accepted only in the namespaces of the operator's --daemonset-namespaces: tracing has to be one of them.
#   Pods with the label sidecar.wayside.dev/inject: "true" get its address in their environment; without spec.selector, all that are made from then on would. Those that have an address need nothing.
#   Without the operator: kubectl -n tracing set image daemonset/simple-agent-daemonset jaeger-agent-daemonset=WAYSIDE-AGENT-IMAGE changes the image alone. Its flags are understood.
kubectl apply -f - <<'EOF'
apiVersion: wayside.dev/v1alpha1
kind: TraceAgent
metadata:
  name: node
  namespace: tracing
spec:
  daemonSet:
    hostPort: true
  deliver:
    compression: none
    endpoint: simple-collector-headless.tracing:14250
    protocol: jaeger-grpc
  sampling:
    source: simple-collector-headless.tracing:14250
  selector:
    matchLabels:
      sidecar.wayside.dev/inject: "true"
  strategy: DaemonSet
EOF

# 2. daemonset/simple-agent-daemonset in tracing: the old agents go
#   On each node the new agent starts when the old one has given its ports up: spans that come by UDP in these seconds are lost.
#   The Jaeger operator would make it again: told so, it removes it itself.
kubectl -n tracing patch jaeger simple --type merge -p '{"spec":{"agent":{"strategy":"Sidecar"}}}'

# 3. the new agents are ready
kubectl -n tracing wait --for=condition=Ready traceagent/node --timeout=10m
