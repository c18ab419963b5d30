#!/bin/sh -eu
# What there is of the old agents, and what moves it to Wayside. Nothing has been
# changed so far: read it, and run it step by step. Where manifests are kept
# elsewhere (Git, Helm), the same changes belong there.
#
#   found: deployment/cart in shop: container jaeger-agent (docker.io/jaegertracing/jaeger-agent:1.62.0), which the Jaeger operator injected
#   found: deployment/pay in shop: annotation sidecar.jaegertracing.io/inject: true
#   found: deployment/web in shop: container jaeger-agent (docker.io/jaegertracing/jaeger-agent:1.62.0), which the Jaeger operator injected

# 1. namespace shop: TraceAgent default, for deployment/cart, deployment/pay, deployment/web
#   It serves pods that have the label sidecar.wayside.dev/inject: default; without spec.selector it would serve all of the namespace.
#   NOT CARRIED OVER: tags that differ from one workload to the next: container.name (k8s.container.name), deployment.name (k8s.pod.name begins with it)
kubectl apply -f - <<'EOF'
apiVersion: wayside.dev/v1alpha1
kind: TraceAgent
metadata:
  name: default
  namespace: shop
spec:
  deliver:
    compression: none
    endpoint: simple-collector-headless.tracing.svc:14250
    protocol: jaeger-grpc
  logLevel: warn
  sampling:
    source: simple-collector-headless.tracing.svc:14250
  selector:
    matchLabels:
      sidecar.wayside.dev/inject: default
  strategy: Sidecar
  tags:
    host.ip: ${HOST_IP}
    pod.name: ${POD_NAME}
    pod.namespace: shop
EOF

# 2. deployment/cart in shop: Wayside's sidecar in place of the old one
#   Its pods are made anew by this.
#   JAEGER_SERVICE_NAME and JAEGER_PROPAGATION, if the Jaeger operator set them, stay as they are.
#   NOT CARRIED OVER: container cart sets JAEGER_AGENT_HOST itself, so that its spans may go past the sidecar: remove it, if they should not
kubectl -n shop patch deployment/cart --patch-file /dev/stdin <<'EOF'
metadata:
  annotations:
    sidecar.jaegertracing.io/inject: null
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
      volumes:
      - $patch: delete
        name: ca
EOF

# 3. deployment/pay in shop: Wayside's sidecar in place of the old one
#   Its pods are made anew by this.
kubectl -n shop patch deployment/pay --patch-file /dev/stdin <<'EOF'
metadata:
  annotations:
    sidecar.jaegertracing.io/inject: null
spec:
  template:
    metadata:
      labels:
        sidecar.wayside.dev/inject: default
EOF

# 4. deployment/web in shop: Wayside's sidecar in place of the old one
#   Its pods are made anew by this.
#   JAEGER_SERVICE_NAME and JAEGER_PROPAGATION, if the Jaeger operator set them, stay as they are.
kubectl -n shop patch deployment/web --patch-file /dev/stdin <<'EOF'
metadata:
  annotations:
    sidecar.jaegertracing.io/inject: null
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
