#!/bin/sh -eu
# What there is of the old agents, and what moves it to Wayside. Nothing has been
# changed so far: read it, and run it step by step. Where manifests are kept
# elsewhere (Git, Helm), the same changes belong there.
#
#   found: daemonset/jaeger-agent in tracing: the Jaeger Agent (jaegertracing/jaeger-agent)

# 1. namespace tracing: TraceAgent node, in place of daemonset/jaeger-agent
#   Strategy DaemonSet is accepted only in the namespaces of the operator's --daemonset-namespaces: tracing has to be one of them.
#   Pods with the label sidecar.wayside.dev/inject: "true" get its address in their environment; without spec.selector, all that are made from then on would. Those that have an address need nothing.
#   Without the operator: kubectl -n tracing set image daemonset/jaeger-agent jaeger-agent=WAYSIDE-AGENT-IMAGE changes the image alone. Its flags are understood.
#   NOT CARRIED OVER: sampling strategies come from the collector by TLS, which a TraceAgent's spec.sampling has no keys for: left out
kubectl apply -f - <<'EOF'
apiVersion: wayside.dev/v1alpha1
kind: TraceAgent
metadata:
  name: node
  namespace: tracing
spec:
  accept:
    jaeger:
      compact: 6931
  deliver:
    compression: none
    endpoint: collector.example.org:14250
    protocol: jaeger-grpc
    tls:
      caFrom:
        secretRef:
          name: collector-tls
      certificateFrom:
        secretRef:
          name: collector-tls
      enabled: true
      serverName: collector
  selector:
    matchLabels:
      sidecar.wayside.dev/inject: "true"
  strategy: DaemonSet
EOF

# 2. the new agents are ready
kubectl -n tracing wait --for=condition=Ready traceagent/node --timeout=10m

# 3. daemonset/jaeger-agent in tracing: the old agents go
kubectl -n tracing delete daemonset/jaeger-agent
