#!/bin/sh -eu
# What there is of the old agents, and what moves it to Wayside. Nothing has been
# changed so far: read it, and run it step by step. Where manifests are kept
# elsewhere (Git, Helm), the same changes belong there.
#
#   found: deployment/web in shop: annotation sidecar.opentelemetry.io/inject: sidecar on its pods
#   found: statefulset/db in shop: annotation sidecar.opentelemetry.io/inject: shop/old on its pods

# 1. namespace shop: TraceAgent default, for deployment/web
#   It serves pods that have the label sidecar.wayside.dev/inject: default; without spec.selector it would serve all of the namespace.
#   NOT CARRIED OVER: pipeline metrics: Wayside carries traces alone; send it past the sidecar
#   NOT CARRIED OVER: processor attributes/env: Wayside changes no spans, but for tags; let the collector behind it do that
#   NOT CARRIED OVER: exporter otlp/shop: headers authorization: make a Secret with a key for each, and name it in spec.deliver.headersFrom
#   NOT CARRIED OVER: exporter debug: Wayside delivers OTLP, or Jaeger's gRPC
kubectl apply -f - <<'EOF'
apiVersion: wayside.dev/v1alpha1
kind: TraceAgent
metadata:
  name: default
  namespace: shop
spec:
  deliver:
    endpoint: collector.shop:4317
    protocol: otlp-grpc
  selector:
    matchLabels:
      sidecar.wayside.dev/inject: default
  strategy: Sidecar
EOF

# 2. namespace shop: TraceAgent default-2, for statefulset/db
#   It serves pods that have the label sidecar.wayside.dev/inject: default-2; without spec.selector it would serve all of the namespace.
kubectl apply -f - <<'EOF'
apiVersion: wayside.dev/v1alpha1
kind: TraceAgent
metadata:
  name: default-2
  namespace: shop
spec:
  accept:
    zipkin:
      http: 9411
  deliver:
    compression: zstd
    endpoint: https://collector.example.org
    protocol: otlp-http
  selector:
    matchLabels:
      sidecar.wayside.dev/inject: default-2
  strategy: Sidecar
EOF

# 3. deployment/web in shop: Wayside's sidecar in place of the old one
#   Its pods are made anew by this.
kubectl -n shop patch deployment/web --patch-file /dev/stdin <<'EOF'
spec:
  template:
    metadata:
      annotations:
        sidecar.opentelemetry.io/inject: null
      labels:
        sidecar.wayside.dev/inject: default
EOF

# 4. statefulset/db in shop: Wayside's sidecar in place of the old one
#   Its pods are made anew by this.
kubectl -n shop patch statefulset/db --patch-file /dev/stdin <<'EOF'
spec:
  template:
    metadata:
      annotations:
        sidecar.opentelemetry.io/inject: null
      labels:
        sidecar.wayside.dev/inject: default-2
EOF
