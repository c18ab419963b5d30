#!/bin/sh -eu
# What there is of the old agents, and what moves it to Wayside. Nothing has been
# changed so far: read it, and run it step by step. Where manifests are kept
# elsewhere (Git, Helm), the same changes belong there.
#
#   found: cronjob/nightly in shop: container jaeger-agent (jaegertracing/jaeger-agent:1.40.0), which was put there by hand
#   found: statefulset/db in shop: container tracing (quay.io/jaegertracing/jaeger-agent@sha256:0000000000000000000000000000000000000000000000000000000000000000), which was put there by hand
#   found: job/once in shop: container jaeger-agent (jaegertracing/jaeger-agent)
#   found: pod/bare in shop: container jaeger-agent (jaegertracing/jaeger-agent)

# 1. namespace shop: TraceAgent default, for cronjob/nightly
#   It serves pods that have the label sidecar.wayside.dev/inject: default; without spec.selector it would serve all of the namespace.
#   NOT CARRIED OVER: the collector is not known (--reporter.grpc.host-port): write its address in place of COLLECTOR:4317, and its protocol
kubectl apply -f - <<'EOF'
apiVersion: wayside.dev/v1alpha1
kind: TraceAgent
metadata:
  name: default
  namespace: shop
spec:
  deliver:
    endpoint: COLLECTOR:4317
  selector:
    matchLabels:
      sidecar.wayside.dev/inject: default
  strategy: Sidecar
EOF

# 2. namespace shop: TraceAgent default-2, for statefulset/db
#   It serves pods that have the label sidecar.wayside.dev/inject: default-2; without spec.selector it would serve all of the namespace.
#   NOT CARRIED OVER: --no-such-flag=1: it is no flag of the Jaeger Agent 1.62
#   NOT CARRIED OVER: --reporter.grpc.tls.ca=/certs/service-ca.crt is the key service-ca.crt of ConfigMap service-ca: make a ConfigMap with the key ca.crt of it, and name it in spec.deliver.tls.caFrom
#   NOT CARRIED OVER: sampling strategies come from the collector by TLS, which a TraceAgent's spec.sampling has no keys for: left out
kubectl apply -f - <<'EOF'
apiVersion: wayside.dev/v1alpha1
kind: TraceAgent
metadata:
  name: default-2
  namespace: shop
spec:
  deliver:
    compression: none
    endpoint: collector.tracing:14250
    protocol: jaeger-grpc
    tls:
      enabled: true
  selector:
    matchLabels:
      sidecar.wayside.dev/inject: default-2
  strategy: Sidecar
EOF

# 3. cronjob/nightly in shop: Wayside's sidecar in place of the old one
#   Pods of its next run have it.
kubectl -n shop patch cronjob/nightly --patch-file /dev/stdin <<'EOF'
spec:
  jobTemplate:
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

# 4. statefulset/db in shop: Wayside's sidecar in place of the old one
#   Its pods are made anew by this.
kubectl -n shop patch statefulset/db --patch-file /dev/stdin <<'EOF'
spec:
  template:
    metadata:
      labels:
        sidecar.wayside.dev/inject: default-2
    spec:
      containers:
      - $patch: delete
        name: tracing
      volumes:
      - $patch: delete
        name: certs
EOF

# 5. job/once in shop
#   NOT CARRIED OVER: a Job's pods can't be changed: its next run should be without jaeger-agent, and with the label sidecar.wayside.dev/inject on its pods

# 6. pod/bare in shop
#   NOT CARRIED OVER: a pod's containers can't be changed: make it anew without jaeger-agent, and with the label sidecar.wayside.dev/inject
