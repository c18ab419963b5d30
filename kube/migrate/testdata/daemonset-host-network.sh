#!/bin/sh -eu
# What there is of the old agents, and what moves it to Wayside. Nothing has been
# changed so far: read it, and run it step by step. Where manifests are kept
# elsewhere (Git, Helm), the same changes belong there.
#
#   found: daemonset/jaeger-agent in tracing: the Jaeger Agent (registry.example.org:5000/mirror/jaegertracing/jaeger-agent:1.62.0)

# 1. namespace tracing: TraceAgent node, in place of daemonset/jaeger-agent
#   Strategy DaemonSet is accepted only in the namespaces of the operator's --daemonset-namespaces: tracing has to be one of them.
#   Pods with the label sidecar.wayside.dev/inject: "true" get its address in their environment; without spec.selector, all that are made from then on would. Those that have an address need nothing.
#   Without the operator: kubectl -n tracing set image daemonset/jaeger-agent agent=WAYSIDE-AGENT-IMAGE changes the image alone. Its flags are understood.
#   Left out: --processor.jaeger-compact.server-queue-size has no effect: the queue is the socket's buffer: give server-socket-buffer-size instead
#   Left out: --processor.jaeger-compact.server-socket-buffer-size: the operator chooses the size of sockets' buffers
#   Left out: resources: Wayside's own are smaller; set spec.resources if it should have others
#   NOT CARRIED OVER: tag secret has the value of variable PASSPHRASE, which comes from elsewhere and was not looked at
kubectl apply -f - <<'EOF'
apiVersion: wayside.dev/v1alpha1
kind: TraceAgent
metadata:
  name: node
  namespace: tracing
spec:
  accept:
    jaeger:
      zipkinCompact: 5775
  daemonSet:
    hostNetwork: true
    priorityClassName: system-node-critical
    tolerations:
    - effect: NoSchedule
      operator: Exists
  deliver:
    compression: none
    endpoint: jaeger-collector-headless.tracing.svc:14250
    protocol: jaeger-grpc
  logLevel: debug
  sampling:
    source: jaeger-collector-headless.tracing.svc:14250
  selector:
    matchLabels:
      sidecar.wayside.dev/inject: "true"
  strategy: DaemonSet
  tags:
    cluster: blue
    node: ${NODE_NAME}
EOF

# 2. daemonset/jaeger-agent in tracing: the old agents go
#   On each node the new agent starts when the old one has given its ports up: spans that come by UDP in these seconds are lost.
kubectl -n tracing delete daemonset/jaeger-agent

# 3. the new agents are ready
kubectl -n tracing wait --for=condition=Ready traceagent/node --timeout=10m

# 4. service/jaeger-agent in tracing: to Wayside's agents, and to that of the same node
#   Apps that send to jaeger-agent.tracing need no change. Without internalTrafficPolicy: Local, packets go to agents of any node.
kubectl -n tracing patch service/jaeger-agent --patch-file /dev/stdin <<'EOF'
spec:
  internalTrafficPolicy: Local
  selector:
    app: null
    app.kubernetes.io/name: wayside-agent
    component: null
    wayside.dev/trace-agent: node
EOF
