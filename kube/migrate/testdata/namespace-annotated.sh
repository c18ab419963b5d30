#!/bin/sh -eu
# What there is of the old agents, and what moves it to Wayside. Nothing has been
# changed so far: read it, and run it step by step. Where manifests are kept
# elsewhere (Git, Helm), the same changes belong there.
#
#   found: deployment/web in shop: container jaeger-agent (jaegertracing/jaeger-agent:1.62.0), which the Jaeger operator injected
#   found: namespace shop: annotation sidecar.jaegertracing.io/inject: true, for all its Deployments
#   found: deployment/quiet in shop: declines the sidecar of its namespace

# 1. deployment/quiet in shop: it declines Wayside's sidecar, too
#   Its pods are made anew by this.
kubectl -n shop patch deployment/quiet --patch-file /dev/stdin <<'EOF'
spec:
  template:
    metadata:
      labels:
        sidecar.wayside.dev/inject: "false"
EOF

# 2. namespace shop: TraceAgent default, for all its pods
#   It serves every pod that is made in the namespace, of StatefulSets, Jobs and CronJobs as well; a pod with the label sidecar.wayside.dev/inject: "false" gets nothing.
kubectl apply -f - <<'EOF'
apiVersion: wayside.dev/v1alpha1
kind: TraceAgent
metadata:
  name: default
  namespace: shop
spec:
  deliver:
    compression: none
    endpoint: c.tracing:14250
    protocol: jaeger-grpc
  sampling:
    source: c.tracing:14250
  strategy: Sidecar
EOF

# 3. deployment/web in shop: Wayside's sidecar in place of the old one
#   Its pods are made anew by this.
#   JAEGER_SERVICE_NAME and JAEGER_PROPAGATION, if the Jaeger operator set them, stay as they are.
kubectl -n shop patch deployment/web --patch-file /dev/stdin <<'EOF'
metadata:
  annotations:
    sidecar.jaegertracing.io/inject: "false"
  labels:
    sidecar.jaegertracing.io/injected: null
spec:
  template:
    metadata:
      labels:
        sidecar.wayside.dev/inject: default
    spec:
      containers:
      - $patch: delete
        name: jaeger-agent
EOF

# 4. namespace shop: the old operator has nothing to do there any more
kubectl annotate namespace shop sidecar.jaegertracing.io/inject-
